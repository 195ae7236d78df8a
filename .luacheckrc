std = "lua54"
max_line_length = 100
-- Unused self and varargs are how a method says what it is.
self = false
-- `local x <close>` is used by being closed.
ignore = { "211/_.*", "211" }
