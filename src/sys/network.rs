//! Network devices, addresses, routes, named network namespaces, NAT.
