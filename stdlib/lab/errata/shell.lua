--- Erratum: `capsh … -- -c '… exec /bin/sh'` in a root that has only /bin/sh. capsh starts
--- /bin/bash.

--- Copies programs and what they need into a directory.
local function furnish(dir, programs)
  for _, file in ipairs(program_files(programs)) do
    local parent = file.path:match("^(.+)/")
    if parent then
      mkdir(dir .. parent, { parents = true })
    end
    if file.target then
      symlink(file.target, dir .. file.path)
    else
      copy_file(file.source, dir .. file.path)
    end
  end
  if not stat(dir .. "/bin") then
    symlink("usr/bin", dir .. "/bin")
  end
end

return {
  id = "shell",
  title = "/bin/sh is enough, says the course",
  text = [[
Solution 3 of the course copies /bin/sh, libc and the loader into a root and runs `capsh
--chroot=ROOT -- -c …`. It ends before it has begun. Find out what capsh starts, and make the root
$dir/root such that `capsh --chroot=$dir/root -- -c "exit 7"` ends with status 7. Hand over
`program`, the path that capsh starts.]],
  needs = { "userns", "program:capsh", "program:bash" },
  answers = { program = "the path of the program that capsh starts" },
  observe = {
    "unshare -r capsh --chroot=$dir/root -- -c 'exit 7'",
    "strace -f -e trace=execve capsh -- -c true",
    "ldd /bin/bash",
  },
  setup = function(t)
    chmod(t.dir, "0777")
    mkdir(t.dir .. "/root", { mode = "0777" })
  end,
  action = function(t)
    furnish(t.dir .. "/root", { "bash" })
    t:answer { program = "/bin/bash" }
  end,
  checks = {
    {
      "the program is named",
      function(t)
        t:eq(
          t.answers.program,
          "/bin/bash",
          "what capsh starts",
          "strace -f -e trace=execve capsh -- -c true"
        )
      end,
    },
    {
      "capsh can start it in the root",
      function(t)
        local dir = t.dir .. "/root"
        local said = pipe()
        local child <close> = spawn(
          { unshare = { "user", "mnt" }, stdout = "null", stderr = said.write },
          function()
            exec { "capsh", "--chroot=" .. dir, "--", "-c", "exit 7" }
          end
        )
        said.write:close()
        local text = said.read:read() or ""
        said.read:close()
        local code = child:wait().code
        local see = ("unshare -r capsh --chroot=%s -- -c 'exit 7'"):format(dir)
        t:eq(
          code,
          7,
          "the status of capsh" .. (text ~= "" and (" (%s)"):format((text:gsub("\n$", ""))) or ""),
          see
        )
      end,
    },
  },
  hints = {
    "What does the error say, and which system call shows what capsh tries to start?",
    "After -- capsh hands the rest to a shell of its own choice, which is compiled in.",
    "Put that shell, its loader and all libraries that ldd lists into the root, each at its path.",
  },
  decoys = {
    {
      "the course's root: /bin/sh, libc and the loader",
      function(t)
        local dir = t.dir .. "/root"
        furnish(dir, { "sh" })
        t:answer { program = "/bin/bash" }
      end,
      says = "the status of capsh",
      course = true,
    },
    {
      "bash without its libraries",
      function(t)
        local dir = t.dir .. "/root"
        mkdir(dir .. "/bin")
        copy_file("/bin/bash", dir .. "/bin/bash")
        t:answer { program = "/bin/bash" }
      end,
      says = "the status of capsh",
    },
    {
      "the root is right, and the program that the course means is named",
      function(t)
        furnish(t.dir .. "/root", { "bash" })
        t:answer { program = "/bin/sh" }
      end,
      says = "what capsh starts",
    },
  },
  lesson = [[
"execve '/bin/bash' failed!": capsh -- is a bash, whatever the rest of the line says. The course's
hardened container has never run; whoever had checked its exit status would have seen it.]],
}
