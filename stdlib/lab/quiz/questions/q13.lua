--- Question 13, many containers on one machine: what a hundred of them share, and what each pays.
return {
  title = "A hundred of them",
  form = "choose",
  many = true,
  course = "How do you optimize container performance for high-density deployments?",
  text = [[
A hundred containers are started from one image, on overlay mounts with the same lower directories.
What of it exists once, not a hundred times?]],
  explain = [[
Page cache belongs to a file, not to a process: one copy of a library in memory serves all that map
the same inode, and lower layers are the same inodes. It is charged to the group that read it first,
so the first container looks larger than the others. What each pays itself: anonymous memory, page
tables, the kernel's structures for its namespaces and its devices. With a copy of the root for each
(the vfs driver, or `cp -a` as in many a course) nothing is shared at all.]],
  see = { "ex2.memory", "ex2.plot" },
  choices = {
    {
      "cache",
      "the page cache of the image's libraries",
      right = true,
      why = "the lower layers are the same inodes, so their pages are in memory once",
    },
    {
      "kernel",
      "the kernel",
      right = true,
      why = "there is one: that is what makes a container small",
    },
    {
      "disk",
      "the lower layers on the disk",
      right = true,
      why = "an overlay has only what was changed in its own upper directory",
    },
    { "heap", "what the programs allocate", why = "anonymous memory is each process's own" },
    { "tables", "page tables", why = "each address space has its own, also of shared pages" },
    {
      "netns",
      "the network namespace's structures",
      why = "each namespace has its own stack: routes, counters, hash tables, lo",
    },
    {
      "upper",
      "a file of the image after one container has written to it",
      why = "copy-up: that container has its own copy from then on; the others keep the old one",
    },
  },
}
