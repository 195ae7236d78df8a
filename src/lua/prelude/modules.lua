-- Modules come from the binary, each loaded when it is first asked for.

local services, globals, environment, counting = ...

-- What the module `sandbox` is made with. A module that is handed something is nothing for a
-- sandbox.
function services.private.sandbox()
  return {
    -- A box is made before the budget that it runs in.
    coroutine = counting,
    module = services.module,
    is_pure = services.is_pure,
    is_private = function(name)
      return services.private[name] ~= nil
    end,
  }
end

-- What prints a restricted script's texts.
function services.private.restricted()
  return { harmless = services.harmless }
end

local loaded = {}

function globals.require(name)
  if type(name) ~= "string" then
    error("require: expected a module's name, got " .. type(name), 2)
  end
  if loaded[name] ~= nil then
    return loaded[name]
  end
  local chunk, reason = services.module(name, environment)
  if reason then
    error(reason, 0)
  elseif not chunk then
    local near = services.suggest(name, services.modules())
    local hint = near and ("; did you mean '%s'?"):format(near) or ""
    error(
      ("require: the stdlib has no module '%s'%s (nothing else is searched)"):format(name, hint),
      2
    )
  end
  local private = services.private[name]
  local module = chunk(name, private and private())
  loaded[name] = module == nil and true or module
  return loaded[name]
end
