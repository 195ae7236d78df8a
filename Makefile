# The commands of the README. `make` alone lists them.
PREFIX ?= /usr/local
DESTDIR ?=
SCRIPT ?= scripts/hardened.lua
ARGS ?=
CARGO_TARGET_DIR ?= target
# rustup's programs, where the shell's start-up file has not been read.
export PATH := $(PATH):$(HOME)/.cargo/bin
PROGRAM = $(CARGO_TARGET_DIR)/$(shell rustc -vV | sed -n 's/^host: //p')/release/crun-lua

.PHONY: help build run test bench install uninstall clean

help: ## List these commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 18

build: ## Build the program
	@tests/packages.sh run
	cargo build --locked --release

run: ## Build the program and run a script: SCRIPT=scripts/hardened.lua ARGS="…"
	@tests/packages.sh run
	@cargo run --locked --release -- $(SCRIPT) $(ARGS)

test: ## Check format and lints, run all tests; as root none is skipped for want of rights
	@tests/packages.sh test
	@tests/run.sh

bench: ## Measure primitives, starts, many containers and unpacking, each against another program
	@tests/packages.sh bench
	cargo bench --locked --bench primitive_cost
	cargo build --locked --release --quiet
	@benches/all.sh $(PROGRAM)

install: ## Install the program below PREFIX (/usr/local), for packagers below DESTDIR
	@test -x $(PROGRAM) || $(MAKE) build
	install -D -m 0755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/crun-lua

uninstall: ## Remove what install has put there
	rm -f $(DESTDIR)$(PREFIX)/bin/crun-lua

clean: ## Remove what was built
	cargo clean
