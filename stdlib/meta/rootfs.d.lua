---@meta rootfs
-- Generated from the stdlib's annotations (`crun-lua reference --luacats`); do not edit.

--- Where a root comes from. The fields beside `kind` are the constructor's options.
---@class rootfs.Source
---@field kind string "host", "directory", "tar", "image", "overlay", "copy" or "debootstrap"
local rootfs_Source = {}

--- What the child mounts.
---@class rootfs.Prepared
---@field kind string
---@field config? table what an image says of command, env, user, workdir, volumes, stop_signal
local rootfs_Prepared = {}

--- Roots of containers: what a container sees as "/", from where it comes, and how it is mounted.
---
--- A source is parsed once, prepared in the parent (the slow part: looking up, unpacking), and
--- mounted in the child, in its own mount namespace. Source and prepared are plain tables.
---
--- ```lua
--- local rootfs = require "rootfs"
---
--- local prepared = rootfs.prepare(rootfs.parse("host"), { name = "box", root = true })
--- local child <close> = spawn({ unshare = { "user", "mnt", "pid" } }, function()
---   local root = rootfs.mount(prepared)
---   root:pivot()
---   exec { "/bin/true" }
--- end)
--- assert(child:wait().code == 0)
--- rootfs.release(prepared)
--- ```
local M = {}

--- The host's system directories, read-only, with an /etc, /tmp and /var of the container's own.
---
--- ```lua
--- local container = require "container"
--- local rootfs = require "rootfs"
---
--- local box <close> = container.new { rootfs = rootfs.host { size = "64M" } }
--- assert(box:run { "/bin/true" }.code == 0)
--- ```
---@param given? { opt: boolean?, setuid: boolean?, size: string? } opt: /opt as well; setuid: set-user-ID programs keep their bit; size: how much may be written, "1G"
---@return rootfs.Source
function M.host(given) end

--- A directory itself: what the container changes stays.
---
--- ```lua
--- local rootfs = require "rootfs"
---
--- assert(rootfs.directory("/srv", { readonly = true }).path == "/srv")
--- ```
---@param path string
---@param given? { readonly: boolean? }
---@return rootfs.Source
function M.directory(path, given) end

--- A tar file (plain, gzip or zstd), unpacked for each container anew; nothing stays.
---
--- ```lua
--- local rootfs = require "rootfs"
---
--- local function of(path)
---   return rootfs.tar(path, { size = "1G" })
--- end
--- assert(not try(of, "/nowhere.tar.gz"))
--- ```
---@param path string
---@param given? { size: string? } how much the root may hold, "1G"
---@return rootfs.Source
function M.tar(path, given) end

--- An OCI image layout (a directory, or a tar file of it) or a docker-archive.
---
--- ```lua
--- local rootfs = require "rootfs"
---
--- local function of(path)
---   return rootfs.image(path, { ref = "latest" })
--- end
--- assert(not try(of, "/nowhere"))
--- ```
---@param path string
---@param given? { ref: string?, size: string? } ref: which image of several, "name:tag"
---@return rootfs.Source
function M.image(path, given) end

--- Programs of the host with the libraries they need, and nothing else. The list part names them.
---
--- ```lua
--- local rootfs = require "rootfs"
---
--- local source = rootfs.copy { "sh", files = { ["/etc/motd"] = "hello\n" } }
--- assert(source.kind == "copy" and source.programs[1] == "sh")
--- ```
---@param given table programs; `root` they are taken from; `files` from path to text; `copy` copies instead of a read-only bind; `size`
---@return rootfs.Source
function M.copy(given) end

--- A minimal Debian, made once by mmdebstrap or debootstrap and kept; changes do not stay.
---
--- ```lua
--- local rootfs = require "rootfs"
---
--- assert(rootfs.debootstrap({ suite = "bookworm", packages = { "curl" } }).variant == nil)
--- ```
---@param given table suite ("bookworm"), mirror (the machine's own without it), variant ("minbase"), packages (a list), size (how much may be changed, "1G")
---@return rootfs.Source
function M.debootstrap(given) end

--- Directories that are not changed, and one above that takes the changes.
---
--- ```lua
--- local rootfs = require "rootfs"
---
--- assert(#rootfs.overlay({ lower = { "/srv", "/opt" }, upper = "/var/tmp" }).lower == 2)
--- ```
---@param given { lower: any, upper: string?, size: string? } lower: a root or a list, the uppermost first; upper: a directory that keeps the changes, which else go with the container
---@return rootfs.Source
function M.overlay(given) end

--- What a user wrote for a root: "host", a path, or what a constructor made.
---@param value any
---@return rootfs.Source
function M.parse(value) end

--- Does what is slow, in the parent.
---@param from rootfs.Source
---@param context? { name: string?, root: boolean?, userns: boolean?, later: boolean? } the container, whether it is made by root, whether in a user namespace; later: what only one container may have is not taken before `hold`
---@return rootfs.Prepared # plain: it crosses into the child and into a file
function M.prepare(from, context) end

--- Takes what only one container may have, where `prepare` was told that it comes later: when what
--- there will be to release has been written down.
---
--- ```lua
--- local rootfs = require "rootfs"
---
--- local how = { name = "hold", root = true, later = true }
--- local prepared = rootfs.prepare(rootfs.parse("host"), how)
--- rootfs.hold(prepared)
--- rootfs.release(prepared)
--- ```
---@param prepared rootfs.Prepared
function M.hold(prepared) end

--- Mounts the root, in the child, in its own mount namespace. Nothing of the host is changed.
---@param prepared rootfs.Prepared
---@param others? table<string, any> by path: files that the caller puts there itself
---@return any # root a rootfs handle, ready for mkdir, mount and pivot
function M.mount(prepared, others) end

--- Undoes what `prepare` made for this container alone.
---@param prepared rootfs.Prepared
function M.release(prepared) end

return M
