# The commands of the README. `make` alone lists them.
PREFIX ?= /usr/local
DESTDIR ?=
SCRIPT ?= scripts/hardened.lua
ARGS ?=
CARGO_TARGET_DIR ?= target
# rustup's programs, where the shell's start-up file has not been read.
export PATH := $(PATH):$(HOME)/.cargo/bin
# What tests/soak/run.sh reads, where it was given.
export N FAULTS EVERY SEED LEAK TELL STRIDE ONLY KINDS LIMIT PATIENCE
PROGRAM = $(shell tests/target.sh $(CARGO_TARGET_DIR))/release/crun-lua

.PHONY: help build run test test-vm conformance rig fuzz soak bench book completions man install uninstall clean

help: ## List these commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 20

build: ## Build the program
	@tests/packages.sh run
	cargo build --locked --release

run: ## Build the program and run a script: SCRIPT=scripts/hardened.lua ARGS="…"
	@tests/packages.sh run
	@cargo run --locked --release -- $(SCRIPT) $(ARGS)

test: ## Check format and lints, run all tests; as root none is skipped for want of rights
	@tests/packages.sh test
	@tests/run.sh

test-vm: ## Run all tests in a virtual machine: cgroup v2, AppArmor; SYSTEMD=1: systemd; TOPICS="…", ARGS=NAME: some
	@tests/packages.sh test
	@tests/packages.sh vm
	@SYSTEMD=$(SYSTEMD) TOPICS="$(TOPICS)" KERNEL=$(KERNEL) tests/vm/suite.sh $(ARGS)

conformance: ## Run the OCI conformance suite: RUNTIME=PROGRAM another runtime, ARGS=NAME some programs, VM=1 in a guest
	@tests/packages.sh conformance
	cargo build --locked --release --quiet
	@tests/conformance/build.sh $(CARGO_TARGET_DIR)/conformance
	@$(if $(VM),tests/vm/run.sh --name conformance --seconds 7200 --) tests/conformance/run.sh $(CARGO_TARGET_DIR)/conformance $(or $(RUNTIME),$(PROGRAM)) $(PROGRAM) $(ARGS)

rig: ## Run the hostile rig whole, SECONDS=20 for each race, and print what was tried
	@tests/packages.sh test
	cargo build --locked --release --quiet
	@tests/hostile/rig.sh $(PROGRAM) $(or $(SECONDS),20) $(ARGS)

fuzz: ## Run the fuzz targets, each for SECONDS=60; TARGET=config one of them; a nightly toolchain and cargo-fuzz
	@command -v cargo-fuzz >/dev/null || { echo "cargo-fuzz is missing: cargo install cargo-fuzz" >&2; exit 1; }
	cd fuzz && cargo +nightly fuzz build $(TARGET)
	@set -e; for target in $(or $(TARGET),$(notdir $(wildcard fuzz/corpus/*))); do fuzz/run.sh $$target $(or $(SECONDS),60); done

bench: ## Measure primitives, starts, many containers and unpacking, each against another program
	@tests/packages.sh bench
	cargo bench --locked --bench primitive_cost
	cargo build --locked --release --quiet
	@benches/all.sh $(PROGRAM)

soak: ## Run N=10000 containers, a fault in one of FAULTS=10; see tests/soak/run.sh for EVERY, SEED, LEAK, TELL
	cargo build --locked --release --quiet
	@tests/soak/run.sh $(PROGRAM)

book: ## Build the book of docs/ into target/book/docs, with mdbook
	@command -v mdbook >/dev/null || { echo "mdbook is missing: cargo install mdbook" >&2; exit 1; }
	@mdbook build
	@cp -R scripts target/book/ # Pages link to them.
	@echo "target/book/docs/index.html"

completions: ## Write the completions of bash, zsh and fish into target/completions
	@test -x $(PROGRAM) || $(MAKE) build
	@mkdir -p $(CARGO_TARGET_DIR)/completions
	@for shell in bash zsh fish; do $(PROGRAM) completion $$shell >$(CARGO_TARGET_DIR)/completions/$$shell || exit 1; done

man: ## Write the manual's pages into target/man
	@test -x $(PROGRAM) || $(MAKE) build
	@$(PROGRAM) man $(CARGO_TARGET_DIR)/man

SHARE = $(DESTDIR)$(PREFIX)/share
BASH_COMPLETION = $(SHARE)/bash-completion/completions/crun-lua
ZSH_COMPLETION = $(SHARE)/zsh/site-functions/_crun-lua
FISH_COMPLETION = $(SHARE)/fish/vendor_completions.d/crun-lua.fish

install: completions man ## Install the program below PREFIX (/usr/local), for packagers below DESTDIR
	install -D -m 0755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/crun-lua
	install -D -m 0644 $(CARGO_TARGET_DIR)/completions/bash $(BASH_COMPLETION)
	install -D -m 0644 $(CARGO_TARGET_DIR)/completions/zsh $(ZSH_COMPLETION)
	install -D -m 0644 $(CARGO_TARGET_DIR)/completions/fish $(FISH_COMPLETION)
	install -d $(SHARE)/man/man7 $(SHARE)/man/man8
	install -m 0644 $(CARGO_TARGET_DIR)/man/*.7 $(SHARE)/man/man7
	install -m 0644 $(CARGO_TARGET_DIR)/man/*.8 $(SHARE)/man/man8

uninstall: ## Remove what install has put there
	rm -f $(DESTDIR)$(PREFIX)/bin/crun-lua $(BASH_COMPLETION) $(ZSH_COMPLETION) $(FISH_COMPLETION)
	rm -f $(SHARE)/man/man8/crun-lua.8 $(SHARE)/man/man8/crun-lua-*.8 $(SHARE)/man/man7/crun-lua-*.7

clean: ## Remove what was built
	cargo clean
