--- `linux.seccomp` of config.json: which system calls are made (runtime-spec, config-linux.md,
--- "Seccomp"; seccomp_rule_add(3)). Names of calls are not checked here: a profile names those of
--- newer kernels and other machines, and which are passed over is known when it is compiled.
---
--- ```lua
--- local schema = require "oci.schema"
---
--- local rule = { names = { "mkdir" }, action = "SCMP_ACT_KILL", errnoRet = 1 }
--- local profile = { defaultAction = "SCMP_ACT_ALLOW", syscalls = { rule } }
--- assert(schema.check(profile, "seccomp.seccomp").path == ".syscalls[0].errnoRet")
--- ```
local M = { rules = {} }

M.seccomp = {
  defaultAction = "seccomp.action!",
  defaultErrnoRet = "0..65535", -- of ERRNO and TRACE; EPERM where it is missing
  architectures = "seccomp.architecture[]", -- calls of any other end the process
  flags = "seccomp.flag[]",
  listenerPath = "path", -- a socket that gets the listener of NOTIFY
  listenerMetadata = "text", -- and this
  syscalls = "seccomp.syscall[]",
}

M.syscall = {
  names = "string[]!",
  action = "seccomp.action!",
  errnoRet = "0..65535",
  args = "seccomp.argument[]", -- conditions, which must all hold
}

M.argument = {
  index = "0..5!",
  value = "uint64!",
  valueTwo = "uint64", -- of MASKED_EQ: argument & value == valueTwo
  op = "seccomp.operator!",
}

M.action = {
  "SCMP_ACT_KILL",
  "SCMP_ACT_KILL_PROCESS",
  "SCMP_ACT_KILL_THREAD",
  "SCMP_ACT_TRAP",
  "SCMP_ACT_ERRNO",
  "SCMP_ACT_TRACE",
  "SCMP_ACT_ALLOW",
  "SCMP_ACT_LOG",
  "SCMP_ACT_NOTIFY",
}

M.operator = {
  "SCMP_CMP_NE",
  "SCMP_CMP_LT",
  "SCMP_CMP_LE",
  "SCMP_CMP_EQ",
  "SCMP_CMP_GE",
  "SCMP_CMP_GT",
  "SCMP_CMP_MASKED_EQ",
}

-- seccomp(2)
M.flag = {
  "SECCOMP_FILTER_FLAG_TSYNC",
  "SECCOMP_FILTER_FLAG_LOG",
  "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
  "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
}

M.architecture = {
  "SCMP_ARCH_X86",
  "SCMP_ARCH_X86_64",
  "SCMP_ARCH_X32",
  "SCMP_ARCH_ARM",
  "SCMP_ARCH_AARCH64",
  "SCMP_ARCH_LOONGARCH64",
  "SCMP_ARCH_M68K",
  "SCMP_ARCH_MIPS",
  "SCMP_ARCH_MIPS64",
  "SCMP_ARCH_MIPS64N32",
  "SCMP_ARCH_MIPSEL",
  "SCMP_ARCH_MIPSEL64",
  "SCMP_ARCH_MIPSEL64N32",
  "SCMP_ARCH_PPC",
  "SCMP_ARCH_PPC64",
  "SCMP_ARCH_PPC64LE",
  "SCMP_ARCH_S390",
  "SCMP_ARCH_S390X",
  "SCMP_ARCH_SH",
  "SCMP_ARCH_SHEB",
  "SCMP_ARCH_PARISC",
  "SCMP_ARCH_PARISC64",
  "SCMP_ARCH_RISCV64",
}

-- What has a number to answer, and the greatest: the kernel's errors end at 4095.
local NUMBERS = { SCMP_ACT_ERRNO = 4095, SCMP_ACT_TRACE = 0xffff }

local function number_rule(action, number)
  local most = NUMBERS[action]
  if number and not most then
    return ("%s answers no error number"):format(action)
  elseif number and number > most then
    return ("expected at most %d, got %d"):format(most, number)
  end
end

function M.rules.syscall(syscall)
  if #syscall.names == 0 then
    return ".names", "expected at least one, got an empty list"
  end
  return ".errnoRet", number_rule(syscall.action, syscall.errnoRet)
end

function M.rules.seccomp(seccomp)
  local problem = number_rule(seccomp.defaultAction, seccomp.defaultErrnoRet)
  if problem then
    return ".defaultErrnoRet", problem
  elseif seccomp.defaultAction == "SCMP_ACT_NOTIFY" then
    return ".defaultAction", "SCMP_ACT_NOTIFY would stop the runtime itself; name the calls instead"
  elseif seccomp.listenerMetadata and not seccomp.listenerPath then
    return ".listenerPath", "is missing, and .listenerMetadata is there"
  end
  for index, syscall in ipairs(seccomp.syscalls or {}) do
    if syscall.action == "SCMP_ACT_NOTIFY" and not seccomp.listenerPath then
      local place = (".syscalls[%d].action"):format(index - 1)
      return place, "SCMP_ACT_NOTIFY needs a .listenerPath: nobody would answer"
    end
  end
end

return M
