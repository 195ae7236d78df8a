--- Task: a trap to predict first, unshare of a pid namespace without a fork.
---
--- ```lua
--- assert(require("lab.ex1.fork").id == "fork")
--- ```

--- What happens, tried in a child: where the caller is, its first child's number, and what the
--- second fork answers when the first child has ended.
local function experiment()
  local p = pipe()
  local child <close> = spawn({ die_with_parent = true }, function()
    local before = proc_ns().pid
    unshare(proc_status().uid.effective ~= 0 and { "user", "pid" } or { "pid" })
    local caller = proc_ns().pid == before and "stays" or "moves"
    local first = spawn(function()
      exec { "sleep", "5" }
    end)
    local numbers = proc_status(first.pid).ns_pid
    first:kill("kill")
    first:wait()
    local second, err = try(spawn, function() end)
    local again = second and "works" or err.errno
    p.write:write(json_encode { caller = caller, first = numbers[#numbers], again = again })
  end)
  p.write:close()
  local text = p.read:read()
  child:wait()
  return json_decode(text)
end

local function predicted(name, what)
  return function(t)
    local found = experiment()[name]
    local answer = t.answers[name]
    local same = tostring(answer):upper() == tostring(found):upper()
    if not same then
      t:fail {
        what = what,
        expected = "what the kernel does, just tried: " .. tostring(found),
        found = "your prediction: " .. tostring(answer),
        see = "unshare --pid sh -c 'readlink /proc/self/ns/pid; sleep 1; sleep 1'",
      }
    end
  end
end

return {
  id = "fork",
  title = "Trap: unshare without a fork",
  needs = { "userns" },
  after = { "pid" },
  text = [[
A process calls unshare for a new pid namespace, and does not fork; then it starts a child, which
ends, and then another. Say first what happens, then try it:
  caller  does the caller move into the new namespace? It `stays` or it `moves`
  first   the number of its first child, as that sees it
  again   what fork(2) answers the second time: `works`, or the name of an error]],
  answers = {
    caller = "stays or moves",
    first = "the first child's own number",
    again = "works, or an errno such as EAGAIN",
  },
  action = function(t)
    t:answer(experiment())
  end,
  observe = {
    "unshare --pid bash   # as root; then: readlink /proc/self/ns/pid /proc/$$/ns/pid; ls; ls",
    "man 7 pid_namespaces",
  },
  checks = {
    { "whether the caller moves", predicted("caller", "where the caller is after unshare") },
    { "the first child's number", predicted("first", "the number of the first child, in there") },
    { "the second fork", predicted("again", "what the second fork answers") },
  },
  hints = {
    "A process's number never changes. What does that say about its pid namespace?",
    "The first child is process 1 of the new namespace. What happens to a namespace when its "
      .. "process 1 ends?",
    "Start a shell by unshare --pid without --fork, and run two commands that are no "
      .. "builtins. The shell reads out what fork(2) has said: look the words up in errno(3).",
  },
  decoys = {
    {
      "the caller moves",
      function(t)
        t:answer { caller = "moves", first = 1, again = "ENOMEM" }
      end,
      says = "where the caller is",
    },
    {
      "children count on from the caller",
      function(t)
        t:answer { caller = "stays", first = 2, again = "ENOMEM" }
      end,
      says = "the number of the first child",
    },
    {
      "it goes on as before",
      function(t)
        t:answer { caller = "stays", first = 1, again = "works" }
      end,
      says = "what the second fork answers",
    },
  },
  lesson = [[
"Cannot allocate memory" is the kernel's way to say that the namespace is dead: its process 1
has ended, and nothing can be born there. That is what --fork is for.]],
}
