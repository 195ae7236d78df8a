--- Where people and programs keep secrets: what the profile `agent` hides, in the words of
--- `hardening.secrets`. A name that is too much can be taken out: `secrets = { "-*.pem" }`.
---
--- ```lua
--- local patterns = require "hardening.patterns"
---
--- assert(patterns.secrets[1] == "~/.ssh" and patterns.unsearched[1] == "node_modules")
--- ```
local M = {}

M.secrets = {
  -- Keys and logins of the user.
  "~/.ssh",
  "~/.gnupg",
  "~/.netrc",
  "~/.password-store",
  "~/.local/share/keyrings",
  "~/.pki",
  "~/.vault-token",

  -- Clouds and clusters.
  "~/.aws",
  "~/.azure",
  "~/.kube",
  "~/.oci",
  "~/.config/gcloud",
  "~/.config/doctl",
  "~/.config/hcloud",
  "~/.terraform.d",

  -- Registries and forges.
  "~/.docker/config.json",
  "~/.config/containers/auth.json",
  "~/.git-credentials",
  "~/.config/git/credentials",
  "~/.config/gh",
  "~/.config/glab-cli",
  "~/.config/hub",
  "~/.npmrc",
  "~/.yarnrc.yml",
  "~/.pypirc",
  "~/.gem/credentials",
  "~/.cargo/credentials",
  "~/.cargo/credentials.toml",
  "~/.m2/settings.xml",
  "~/.gradle/gradle.properties",

  -- Agents' own logins.
  "~/.claude/.credentials.json",
  "~/.codex/auth.json",
  "~/.gemini/oauth_creds.json",
  "~/.config/github-copilot",

  -- Browsers and mail: cookies are logins.
  "~/.mozilla",
  "~/.thunderbird",
  "~/.config/chromium",
  "~/.config/google-chrome",
  "~/.config/BraveSoftware",
  "~/.config/microsoft-edge",

  -- What was typed, and with it whatever was pasted.
  "~/.*_history",
  "~/.histfile",
  "~/.local/share/fish/fish_history",
  "~/.local/share/nushell/history.txt",

  -- Anywhere: environment files, private keys, stores of keys, and state that has passwords in it.
  ".env",
  ".env.*",
  ".envrc",
  ".netrc",
  ".git-credentials",
  "*.kdbx",
  "*.keystore",
  "*.p12",
  "*.pem",
  "*.pfx",
  "*.tfstate",
  "*.tfstate.backup",
  "id_dsa*",
  "id_ecdsa*",
  "id_ed25519*",
  "id_rsa*",
  ".aws/credentials",
  ".docker/config.json",
  ".kube/config",

  -- Sockets: who connects talks to a process outside, whatever the mount's flags (docker.sock is
  -- root on the host, an agent's socket signs with the key).
  "*.sock",
  "*.socket",
  "S.gpg-agent*",
  "S.scdaemon",

  -- Public by their nature, and needed: a masked list of authorities breaks every TLS client.
  "!*.pub",
  "!.env.dist",
  "!.env.example",
  "!.env.sample",
  "!.env.template",
  "!cacert.pem",
}

--- What package managers and version managers have fetched: public, huge, and full of test keys
--- that are nobody's. Patterns that say where something is hold in there as well.
M.unsearched = {
  "node_modules",
  "site-packages",
  "__pycache__",
  ".git/objects",
  "~/.cache",
  "~/.cargo/git",
  "~/.cargo/registry",
  "~/.conda/pkgs",
  "~/.gradle/caches",
  "~/.gradle/wrapper",
  "~/.local/share/pnpm",
  "~/.m2/repository",
  "~/.npm/_cacache",
  "~/.nvm",
  "~/.pyenv",
  "~/.rbenv",
  "~/.rustup",
  "~/.sdkman",
  "~/go/pkg",
}

return M
