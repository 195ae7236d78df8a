--- Every command and option of the OCI runtime, with runc's and crun's names and meanings.
---
--- The texts below are what `--help` prints, and they are data: `oci.arguments` reads a command
--- line by them, and the man pages and the completion of the shells are made from them. A line is
--- an option: its letter, its name, what its value is, and at least two spaces before the
--- description, which may go on on further lines. Without a value it is a flag. The value's name
--- says what may stand there:
---
--- | name | value |
--- |---|---|
--- | `N` | a whole number from 0 on |
--- | `NUMBER` | a whole number, -1 too |
--- | `SIZE` | bytes: a number, with K, M, G or T; -1 is no limit |
--- | `TIME` | a time such as 500ms, 5s or 1m30s; a plain number is seconds |
--- | `a\|b` | one of these words |
--- | `DIR`, `FILE` | a path |
--- | any other | a text |
---
--- With `…` behind it the option may be repeated, and its value is a list.
---
--- ```lua
--- local commands = require "oci.commands"
---
--- local create = commands.get("create")
--- assert(create.operands == "ID" and create.options.preserve_fds.value == "N")
--- ```
local M = {}

--- The options that stand before the command.
local GLOBAL = [[
    --root DIR             where the containers' state is kept: /run/crun-lua/oci for root,
                           $XDG_RUNTIME_DIR/crun-lua/oci for users
    --log FILE             write errors, warnings and debug lines there (file:PATH means the same);
                           journald:ID and syslog:ID send them to these
    --log-format text|json  the form of these lines; text without it
    --debug                log what is done
    --systemd-cgroup       the same as --cgroup-manager systemd
    --cgroup-manager cgroupfs|systemd|disabled
                           who makes the control groups; cgroupfs without it
    --rootless true|false|auto  pass over limits that this user may not set; auto without it
    --policy FILE…         one more Lua policy, after those of /etc/crun-lua/policy.d
    --criu PROGRAM         the program criu of checkpoint and restore
-v, --version              print the version, and that of the specification
]]

-- What every command has, and the program.
local HELP = "-h, --help                 print this help\n"

-- What create and run have in common.
local CREATE = [[
-b, --bundle DIR           the directory with config.json; the current one without it
-f, --config FILE          another name than config.json; a relative one is below the bundle
    --console-socket FILE  a listening Unix socket, which is sent the terminal's descriptor
    --pid-file FILE        write the process's number there
    --pidfd-socket FILE    a listening Unix socket, which is sent a pidfd of the process
    --no-pivot             enter the root without pivot_root(2): for roots on a ramdisk; less safe
    --no-new-keyring       stay in the caller's session keyring
    --preserve-fds N       hand on that many descriptors from number 3 on, besides those of
                           $LISTEN_FDS
]]

local RUN = [[
-d, --detach               return as soon as the container runs
    --keep                 keep the state and the control groups after its end; see delete
    --no-subreaper         let others reap what the container leaves
]]

-- What checkpoint and restore have in common.
local IMAGES = [[
    --image-path DIR       the images; ./checkpoint without it
    --work-path DIR        criu's log and working files; the images' directory without it
    --tcp-established      allow open TCP connections
    --ext-unix-sk          allow Unix sockets that lead outside
    --shell-job            allow a terminal that came from outside
    --file-locks           allow file locks
    --manage-cgroups-mode soft|full|strict|ignore  how criu treats control groups; soft without it
    --empty-ns KIND…       a namespace whose content is left out: network
    --auto-dedup           drop pages of earlier images that are in this one
    --lazy-pages           move the memory's pages when they are needed
]]

---@class oci.Definition
---@field summary string one line
---@field operands string what follows the options: "ID [SIGNAL]"
---@field text? string the options, a line each
---@field raw? integer after so many operands the rest is taken as it is written
---@field either? string without this option the first operand in brackets is needed
---@field about? string more, for the man page
---@field example? string

---@type table<string, oci.Definition>
local COMMANDS = {
  checkpoint = {
    summary = "save a running container's processes with criu(8), and end it",
    operands = "ID",
    text = IMAGES .. [[
    --parent-path DIR      images of an earlier --pre-dump, relative to --image-path
    --leave-running        let the container go on
    --pre-dump             save the memory only, and let the container go on
    --status-fd N          criu writes a zero byte there when --lazy-pages is ready
    --page-server ADDRESS:PORT  send the pages to this page server
]],
    example = "crun-lua checkpoint --image-path /tmp/web --tcp-established web",
  },
  completion = {
    summary = "print completions for a shell",
    operands = "bash|zsh|fish",
    about = "Made from the same definitions as the help.",
    example = "crun-lua completion bash > /usr/share/bash-completion/completions/crun-lua",
  },
  create = {
    summary = "make a container from a bundle; start runs its program",
    operands = "ID",
    text = CREATE .. [[
    --no-subreaper         for callers of crun; create waits for no processes of others
]],
    about = "The namespaces, mounts and control groups are made, and the hooks that belong "
      .. "here run. The program waits for start(8). Whatever fails, nothing is left behind.",
    example = "crun-lua create --bundle /var/lib/boxes/web --pid-file /run/web.pid web",
  },
  delete = {
    summary = "remove a stopped container's state and control groups",
    operands = "ID",
    text = [[
-f, --force                kill its processes first; a container that is unknown is no error
-r, --regex                ID is an extended regular expression, as of grep(1); each that it fits
]],
    example = "crun-lua delete --force web",
  },
  events = {
    summary = "print what a container uses, and its events, as lines of JSON",
    operands = "ID",
    text = [[
    --interval TIME        how often; 5s without it
    --stats                once, and end
]],
    example = "crun-lua events --stats web",
  },
  exec = {
    summary = "run one more program in a container",
    operands = "ID [COMMAND [ARGUMENT]…]",
    raw = 2,
    either = "process",
    text = [[
-p, --process FILE         what to run, as the object `process` of config.json; no COMMAND then
    --console-socket FILE  a listening Unix socket, which is sent the terminal's descriptor
    --pidfd-socket FILE    a listening Unix socket, which is sent a pidfd of the process
    --pid-file FILE        write the process's number there
    --cwd DIR              the working directory in the container
-e, --env NAME=VALUE…      a variable
-t, --tty                  give it a terminal
-u, --user UID[:GID]       the user, and the group
-g, --additional-gids GID…  a further group
-d, --detach               return as soon as it runs
    --process-label LABEL  the SELinux label
    --apparmor PROFILE     the AppArmor profile
    --no-new-privs         no exec may give it more rights
-c, --cap CAPABILITY…      a further capability: CAP_NET_RAW
    --preserve-fds N       hand on that many descriptors from number 3 on, besides those of
                           $LISTEN_FDS
    --cgroup [CONTROLLERS:]PATH…  a control group below the container's, which must exist
    --ignore-paused        wait for a paused container instead of refusing
]],
    about = "The exit status is the program's; 255 where it could not be run.",
    example = "crun-lua exec --tty --env TERM=xterm web /bin/sh",
  },
  features = {
    summary = "print what this runtime can do, as JSON",
    operands = "",
  },
  kill = {
    summary = "send a signal to a container's first process; TERM without SIGNAL",
    operands = "ID [SIGNAL]",
    text = [[
-a, --all                  to all of its processes
-r, --regex                ID is an extended regular expression, as of grep(1); each that it fits
]],
    example = "crun-lua kill web KILL",
  },
  list = {
    summary = "list the containers below --root",
    operands = "",
    text = [[
-f, --format table|json    how; table without it
-q, --quiet                ids only
]],
  },
  man = {
    summary = "write the man pages into a directory",
    operands = "DIR",
    about = "Made from the same definitions as the help.",
    example = "crun-lua man /usr/local/share/man/man8",
  },
  pause = {
    summary = "stop all processes of a container until resume",
    operands = "ID",
  },
  ps = {
    summary = "list the processes in a container",
    operands = "ID [PS-OPTION]…",
    raw = 1,
    text = [[
-f, --format table|json    how: the lines of ps(1), or a list of numbers; table without it
]],
    about = 'Without ID and --format this is the list of the containers of `require "container"`.',
    example = "crun-lua ps web -o pid,args",
  },
  restore = {
    summary = "make a container from what checkpoint has saved",
    operands = "ID",
    text = IMAGES .. [[
-b, --bundle DIR           the directory with config.json; the current one without it
    --console-socket FILE  a listening Unix socket, which is sent the terminal's descriptor
-d, --detach               return as soon as the container runs
    --pid-file FILE        write the process's number there
    --no-subreaper         let others reap what the container leaves
    --no-pivot             enter the root without pivot_root(2)
    --lsm-profile TYPE:LABEL  another security label: selinux:…, apparmor:…
    --lsm-mount-context LABEL  another SELinux context of the mounts
]],
    example = "crun-lua restore --image-path /tmp/web --bundle /var/lib/boxes/web --detach web",
  },
  resume = {
    summary = "let a paused container go on",
    operands = "ID",
  },
  run = {
    summary = "create, start, and wait for the container's end",
    operands = "ID",
    text = CREATE .. RUN,
    about = "The exit status is the program's; 128 and the signal's number where one has ended it.",
    example = "crun-lua run --bundle /var/lib/boxes/web web",
  },
  spec = {
    summary = "write a config.json to start from",
    operands = "",
    text = [[
-b, --bundle DIR           where; the current directory without it
-f, --file FILE            another name than config.json; a relative one is below the bundle
    --rootless             for a user without rights
]],
    example = "mkdir rootfs && crun-lua spec",
  },
  start = {
    summary = "run the program of a container that create has made",
    operands = "ID",
  },
  state = {
    summary = "print a container's state, as JSON",
    operands = "ID",
  },
  update = {
    summary = "change a running container's limits; what is not named stays",
    operands = "ID",
    text = [[
-r, --resources FILE       read them from an object like linux.resources of config.json; - is
                           standard input; other options are ignored then
    --blkio-weight N       the share of disk time, 10 to 1000
    --cpu-period N         the period of --cpu-quota, in microseconds
    --cpu-quota NUMBER     processor time in a period, in microseconds; -1 is no limit
    --cpu-burst N          what may be saved up beyond the quota, in microseconds
    --cpu-share N          the share of processor time; 1024 is usual
    --cpu-rt-period N      the period of --cpu-rt-runtime, in microseconds
    --cpu-rt-runtime NUMBER  real-time processor time in a period, in microseconds
    --cpu-idle 0|1         run only when no other wants to
    --cpuset-cpus LIST     processors: 0-3,7
    --cpuset-mems LIST     memory nodes: 0-1
    --memory SIZE          the limit of memory
    --memory-reservation SIZE  what is left to it when memory runs short
    --memory-swap SIZE     memory and swap together
    --kernel-memory SIZE   accepted and ignored: kernels have it no more
    --kernel-memory-tcp SIZE  memory of TCP buffers
    --pids-limit NUMBER    how many processes; -1 is no limit
    --l3-cache-schema TEXT  Intel RDT: the cache's schema
    --mem-bw-schema TEXT   Intel RDT: the memory bandwidth's schema
]],
    example = "crun-lua update --memory 256M --pids-limit 100 web",
  },
  wait = {
    summary = "wait until a container has ended",
    operands = "ID",
    about = "The program's exit status is not told: the kernel gives it to the parent alone, "
      .. "which is who called create or run --detach, or its subreaper.",
  },
}

--- The project's own commands and options, which clap reads; for man pages and completion.
M.OWN = {
  options = [[
    --explain              tell each call to the kernel and what it changed
    --dry-run              print what would be made and changed; change nothing
    --as-shell             print a shell script that does the same; change nothing
    --verbose              shorten nothing in what is told
    --trace FILE           write each call as a line of JSON
    --fault N:ERRNO        let call N fail, or N:KILL the process before it
    --allow-host           let primitives change the host's own namespaces
    --stdlib DIR           take the stdlib from a directory
    --restricted           run a script that nobody trusts
    --allow NAMES          primitives that it may call: mount,spawn,process:wait
    --memory SIZE          what Lua may allocate for it
    --time TIME            how long it may take
    --instructions N       how many instructions of Lua it may run
    --output SIZE          how much it may print
]],
  commands = {
    audit = "judge how well a process, a container or a configuration is confined",
    check = "find mistakes in scripts without running them",
    doctor = "tell what this machine can do, and what is missing",
    gc = "remove what dead processes left behind",
    help = "tell what a primitive, a module, a function or a command does",
    inspect = "tell everything about a container or a process",
    lab = "do the course's exercises; checks read the kernel",
    learn = "record what a command needs, and write the profile that allows just that",
    probe = "eat memory, burn a processor, fork, make system calls",
    ps = "list containers",
    reference = "print the reference as files for the documentation and for editors",
    repl = "type lines and see what they do; the default on a terminal",
    report = "draw a run, or what runs, as one page",
    scenario = "show, try, test or hand out a lesson that is one file",
    setup = "set the editor's language server up for scripts",
    top = "watch containers",
  },
  -- Of those whose words can be completed: what follows, and the options.
  words = {
    check = { operands = "FILE", text = "    --json                 print the findings as JSON\n" },
    help = {
      operands = "NAME",
      text = "-s, --search               look for words in names and descriptions\n",
    },
    setup = {
      operands = "DIR",
      text = "    --merge                add to a .luarc.json that is there\n",
    },
  },
}

---@class oci.Option
---@field name string as it is written: "pid-file"
---@field key string as commands read it: "pid_file"
---@field letter? string "b"
---@field value? string what its value is; nil for a flag
---@field list? boolean whether it may be repeated
---@field choices? string[] the words that its value may be
---@field about string

local function words(value)
  local choices = {}
  for word in value:gmatch("[^|]+") do
    choices[#choices + 1] = word
  end
  return choices
end

--- Reads the options of a text: by key, and in their order.
---@param text? string
---@return table<string, oci.Option>|oci.Option[]
function M.options(text)
  local options, last = {}, nil
  for line in (text or ""):gmatch("[^\n]+") do
    local letter, name, value, about = line:match("^[ -]([%a ])[ ,] %-%-(%S+) ?(%S*) *(.*)$")
    if name then
      local list = value:sub(-3) == "…"
      value = list and value:sub(1, -4) or value
      last = {
        name = name,
        key = name:gsub("-", "_"),
        letter = letter ~= " " and letter or nil,
        value = value ~= "" and value or nil,
        list = list,
        choices = value:match("^[%w|]+|%w+$") and words(value) or nil,
        about = about,
      }
      options[#options + 1] = last
      options[last.key] = last
    elseif last then
      last.about = (last.about .. " " .. line:match("^%s*(.*)$")):match("^%s*(.*)$")
    end
  end
  return options
end

--- The options that stand before the command.
---@return oci.Option[]
---@return string text
function M.global()
  local text = GLOBAL .. HELP
  return M.options(text), text
end

--- A command, with its options.
---@param name string
---@return { summary: string, operands: string, raw?: integer, options: oci.Option[] }?
function M.get(name)
  local command = COMMANDS[name]
  if command and not command.options then
    command.text = (command.text or "") .. HELP
    command.options = M.options(command.text)
  end
  return command
end

--- The names of all commands, sorted.
---@return string[]
function M.names()
  return require("options").keys(COMMANDS)
end

return M
