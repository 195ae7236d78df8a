--- Question 15, several hosts: what an overlay network changes, held against the cable that
--- everybody who has done exercise 1 has laid by hand.
return {
  title = "From a cable to an overlay",
  form = "choose",
  many = true,
  course = "How do you handle container networking in complex multi-host environments?",
  text = [[
Two boxes on one machine were connected by a veth pair and a bridge. Now they are on two machines,
and the bridges are connected by a VXLAN device. What is different?]],
  explain = [[
A VXLAN device is a port of the bridge that puts whole Ethernet frames into UDP packets to the
other host. So the boxes see one network as before, and the outer headers take 50 bytes of each
packet (70 over IPv6): the usual cause of "small requests work, large ones hang". What the boxes
are to each other, and that a network namespace holds each end, is unchanged. CNI plugins set up
just this; `scripts/multi_host.lua` does it here.]],
  see = { "ex1.wire", "ex5.neighbour" },
  choices = {
    {
      "mtu",
      "the packets may be 50 bytes shorter: the MTU of the boxes must be smaller",
      right = true,
      why = "outer Ethernet, IP, UDP and VXLAN headers: 14 + 20 + 8 + 8 bytes",
    },
    {
      "udp",
      "the hosts must let UDP port 4789 through",
      right = true,
      why = "the frames travel in UDP packets between the hosts",
    },
    {
      "where",
      "something must know on which host an address lives",
      right = true,
      why = "multicast, a table that somebody fills (flannel), or BGP EVPN",
    },
    {
      "crypt",
      "what the boxes say to each other is encrypted",
      why = "VXLAN encrypts nothing: that is WireGuard or IPsec",
    },
    {
      "nat",
      "the boxes reach each other through NAT only",
      why = "an overlay is there so that they need none: each sees the other's own address",
    },
    {
      "vethless",
      "the boxes need no veth pair any more",
      why = "the cable from the box to its host's bridge is the same as before",
    },
    {
      "netns",
      "both boxes must be in one network namespace",
      why = "they are on two machines, with two kernels; a namespace does not reach further "
        .. "than one",
    },
  },
}
