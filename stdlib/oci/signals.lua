--- The signals that a runtime in the foreground passes on to the program that it waits for. Those
--- of a terminal's keys come to the program as bytes.
---
--- ```lua
--- local signals = require "oci.signals"
---
--- assert(signals[1] == "hup")
--- ```
return { "hup", "int", "quit", "term", "usr1", "usr2", "cont", "winch" }
