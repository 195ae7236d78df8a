-- The first Lua that runs, before any script: what raises, what is global, what is absent. Each
-- part is a file of its own in prelude/, and is given what it is made of.

local services, lua, part = ...

local errors = part "errors"(services, lua)
local library = part "library"(services, lua, errors)
local globals = library.globals
local primitives = part "primitives"(services, errors.wrap, globals)
local environment = part "environment"(services, globals, primitives)
local plan = part "plan"(services, lua, globals)
part "modules"(services, globals, environment, library.counting)

return {
  adopt = errors.adopt,
  -- Lua hands `__close` the error that unwinds the block as well.
  close = function(handle)
    local made = primitives.methods.handle
    return (made and made.close or primitives.method("handle", "close"))(handle)
  end,
  make_methods = primitives.make_methods,
  method = primitives.method,
  methods = primitives.methods,
  protect = errors.protect,
  shield = errors.shield,
  environment = environment,
  set_planning = plan.set_planning,
  set_counted = library.set_counted,
  -- Called in the machine's own hook, to end what runs in this coroutine: raised there, the error
  -- would close the interrupted function's variables while no hook is called (hook.rs).
  cut = function()
    lua.debug.sethook(function()
      services.rearm()
      errors.unwind()
    end, "", 1)
  end,
  doubt = plan.doubt,
  unknown = plan.unknown,
}
