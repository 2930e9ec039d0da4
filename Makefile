# Everything that is run by a command of one line. On Debian and its children a missing Vulkan
# driver is installed (root or sudo); on other systems only cargo is needed. CARGOFLAGS goes to
# cargo, ARGS to the program: make demo ARGS="--epochs 5"

CARGOFLAGS ?=
ARGS ?=
PYTHON ?= python3

# Mesa does not print its notices.
export NODEVICE_SELECT := 1
export MESA_VK_IGNORE_CONFORMANCE_WARNING := 1

.DEFAULT_GOAL := help
.PHONY: help demo studio test test-all examples golden test-swiftshader test-mesa-next onnx metrics tensorboard pytorch-round-trip bench bench-peers peer-curves web web-serve web-test lint setup

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-19s %s\n", $$1, $$2 }' Makefile

demo: setup ## train on the bundled pairs, translate held-out ones and say where the pictures are
	@cargo build --release $(CARGOFLAGS)
	@cargo run --release --quiet $(CARGOFLAGS) -- train $(ARGS)

studio: setup ## build with the feature studio, and show the runs in runs/ in the browser
	@cargo build --release --features studio $(CARGOFLAGS)
	@cargo run --release --quiet --features studio $(CARGOFLAGS) -- studio --open $(ARGS)

# The profile compiles fast; Cargo.toml says how.
TEST := cargo test --profile tests --no-fail-fast $(CARGOFLAGS)
EXAMPLE := cargo run --profile tests --quiet $(CARGOFLAGS) --example

# Mesa's software drivers compile faster when they do not optimise (nopt). All tests of the first
# tier pass with it too. test-all lets the drivers optimise.
test: setup ## run the tests of the first tier on the default adapter (PIX2PIX_ADAPTER=index or name picks another)
	GALLIVM_PERF=$${GALLIVM_PERF-nopt} scripts/run-tests first $(CARGOFLAGS)

test-all: setup ## run both tiers of the tests, the second with every candidate of every kernel, and the examples
	scripts/run-tests first $(CARGOFLAGS)
	@$(MAKE) examples
	scripts/run-tests second $(CARGOFLAGS)

examples: setup ## run the examples of the library: differentiate, train, translate, run_inputs
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && set -x && \
		$(EXAMPLE) differentiate && $(EXAMPLE) train -- "$$folder" && \
		$(EXAMPLE) translate -- "$$folder/example/generator.safetensors" assets/pictures/demo.png "$$folder/demo.png" && \
		$(EXAMPLE) run_inputs -- "$$folder/example" "$$folder/inputs" 3

golden: setup ## compare with PyTorch's numbers in the folder PIX2PIX_GOLDEN (unset: the sample in tests/golden/)
	@$(TEST) --test golden -- --nocapture

test-swiftshader: setup ## run the kernel tests on SwiftShader (Debian: from the chromium package)
	icd=$$(scripts/swiftshader-icd) && VK_DRIVER_FILES=$$icd VK_ICD_FILENAMES=$$icd \
		$(TEST) --test kernels --test engine --test training -- --include-ignored

test-mesa-next: setup ## run the kernel tests on the lavapipe of trixie-backports (root or sudo; made once in target/mesa-next)
	$(TEST) --test kernels --test engine --test training \
		--config "target.'cfg(all())'.runner = 'scripts/in-mesa-next'" -- --include-ignored

onnx: setup ## compare exported generators with onnxruntime (python3; the first time it fetches 40 MB into target/onnx-parity)
	scripts/onnx-parity setup
	PIX2PIX_REQUIRE_ONNX=1 $(TEST) --test onnx -- --nocapture --include-ignored

metrics: ## compare metrics of pictures with scikit-image's (python3; the first time it fetches 80 MB into target/metrics-parity)
	scripts/metrics-parity setup
	PIX2PIX_REQUIRE_SKIMAGE=1 $(TEST) --test metrics -- --nocapture

tensorboard: setup ## let TensorBoard read the event files of a run (python3; the first time it fetches 25 MB into target/tensorboard-parity)
	scripts/tensorboard-parity setup
	PIX2PIX_REQUIRE_TENSORBOARD=1 $(TEST) --test cli event_files -- --nocapture

pytorch-round-trip: setup ## take weights through a PyTorch that is there and back (PYTHON=python3, one that has torch)
	@cargo build --release $(CARGOFLAGS)
	@$(PYTHON) scripts/pytorch-round-trip

bench: setup ## time whole training steps at 64x64, ngf 16
	@cargo build --release $(CARGOFLAGS)
	@cargo run --release --quiet $(CARGOFLAGS) -- bench step --size 64 --ngf 16 --steps 20 $(ARGS)

bench-peers: setup ## time the step beside burn and PyTorch (python3; the first time it fetches some GB into target/peers)
	@bench/peers/run $(ARGS)

peer-curves: setup ## train the same in PyTorch and lay the curves over each other (python3; the first time it fetches some GB)
	@bench/peers/curves $(ARGS)

web: ## build the page with the library inside into web/dist, a folder for any static host (rustup adds the target)
	@scripts/build-web $(CARGOFLAGS)

PORT ?= 8000
web-serve: web ## serve web/dist on this machine (PORT=8000)
	@echo "http://127.0.0.1:$(PORT)/ (Ctrl-C ends it)"
	@$(PYTHON) -m http.server --bind 127.0.0.1 --directory web/dist $(PORT) 2>/dev/null

web-test: web ## test the page in headless Chromium (Debian: from apt; ARGS=PART of a file's name picks tests)
	@scripts/ensure-browser
	CARGOFLAGS="$(CARGOFLAGS)" node tests/browser/run.mjs $(ARGS)

lint: ## check formatting, clippy, the library without the command line, and rustdoc, warnings denied
	@scripts/ensure-tools
	cargo fmt --all --check
	cargo clippy --profile tests --workspace --all-targets $(CARGOFLAGS) -- -D warnings
	cargo clippy --profile tests --features studio --lib --bins --test studio $(CARGOFLAGS) -- -D warnings
	cargo clippy --profile tests --no-default-features --lib $(CARGOFLAGS) -- -D warnings
	scripts/cargo-wasm clippy --profile tests -p pix2pix-web -p pix2pix-wgpu --lib --no-default-features $(CARGOFLAGS) -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --profile tests --workspace --no-deps $(CARGOFLAGS)

setup: # what every target that runs on a device needs first
	@scripts/ensure-tools
	@scripts/ensure-vulkan
