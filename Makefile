# Two commands: `make demo` and `make test`. Both set up .venv first; nothing else is needed but Python and make.

# Lava was made for 3.10, which is taken where it is; any other runs Lava too, once it is told so (`LAVA`).
# A shim may answer for a version that is not installed, so each candidate has to run.
runs = $(shell $(1) -c 'import sys; print(sys.executable)' 2>/dev/null)
PYTHON310 := $(or $(call runs,python3.10),$(call runs,$(shell pyenv prefix 3.10 2>/dev/null)/bin/python))
PYTHON ?= $(or $(PYTHON310),$(call runs,PYENV_VERSION=system python3),$(call runs,python3))
VENV ?= .venv
BIN := $(VENV)/bin
EXTRAS ?= brian,lava,data,audio,events,hdf5,prove,sanafe,metis,search,postgres,cluster,series,control,safetensors,dev
JOBS ?= 2
# What is measured here is run here, and no answer of another day.
export LSM_DEPLOY_CACHE_GB := 0

.PHONY: af af-inside bench bench-graded bench-peers c check clean climate conformance control demo diagnose digits drift evidence faithful forecast fuzz hardware hostile interchange intervals killed knows large lava lava-dl live mutants nested placement programs prove robust scale search-postgres setup simulators soak spotting test tools torch tracking

# What it runs, and no more, where not all of it is there already.
DEMO := brian,lava,data
demo: $(if $(wildcard $(VENV)/ready),setup,$(VENV)/ready-demo)
	$(BIN)/lsm-deploy compile configs/japanese_vowels.yaml -o $(VENV)/japanese_vowels.lsm
	$(BIN)/lsm-deploy eval configs/japanese_vowels.yaml --on-chip
	$(BIN)/lsm-deploy parity configs/japanese_vowels.yaml --registers --samples 20

# SHUFFLE=n: in the random order that n gives, instead of the one in which tests are written. DEEP=1: those as well that
# take long, before a release; it doubles the time.
test: check
	$(BIN)/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(if $(DEEP),--deep) $(if $(SHUFFLE),--shuffle $(SHUFFLE))

# Everything but running the tests: layout, lints, types, layers.
check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Random programs on every backend that is installed, against the oracle; exit status 1 if any differs.
# MINUTES=0: until Ctrl-C. SEED=n: the same cases again. REGIME=wrapping: wraps and clips forced. WORKERS=n: processes.
MINUTES ?= 1
fuzz: setup
	$(BIN)/python tests/fuzz.py --minutes $(MINUTES) $(if $(SEED),--seed $(SEED)) $(if $(REGIME),--regime $(REGIME)) $(if $(KINDS),--kinds $(KINDS)) $(if $(WORKERS),--workers $(WORKERS))

# Files of every kind, damaged or meaning ill, read within limits; exit status 1 if one ends in a traceback, a crash, a
# hang, a wrong answer or much memory: it is kept in build/hostile. N=10000, SEED=n: the same again, KINDS=spec,program.
hostile: setup
	cd tests && ../$(BIN)/python -m hostile --files $(or $(N),10000) $(if $(SEED),--seed $(SEED)) $(if $(KINDS),--kinds $(KINDS))

# Two million steps, run, stepped, saved and streamed to disk: the same spikes, and memory flat. Minutes.
soak: setup
	cd tests && ../$(BIN)/python -m bench.soak

# Commands that write, killed at N random moments: outputs are old or new, and nothing is left: some ten minutes.
killed: setup
	$(BIN)/python tests/killed.py --kills $(or $(N),100) $(if $(SEED),--seed $(SEED))

# The emulator with one mistake at a time: who notices? Exit status 1 if nobody does.
mutants: setup
	$(BIN)/python tests/mutants.py

# What stands behind each rule of the integer contract: RECORDINGS=DIR replays those in it.
conformance: setup
	$(BIN)/lsm-deploy conformance $(RECORDINGS)

# Primitives shown equal to their definition for every input, in each backend's own code: minutes.
prove: setup
	cd tests && ../$(BIN)/python -m prove

# The memory model beside published allocations, the traffic that placement saves, its time and memory, and the cost of
# runs beside SANA-FE: minutes. QUICK=1: small networks only.
placement: setup
	cd tests && ../$(BIN)/python -m bench.placement $(if $(QUICK),--quick)

# NIR graphs of ours in simulators of others, and what their exporters write, read here: minutes, and the manual's tables.
# LSM_DEPLOY_SIMULATORS_PYTHON: a Python that has them (tests/bench/interchange/simulators.txt), or some with colons between.
simulators: setup
	cd tests && ../$(BIN)/python -m bench.interchange.simulators

# A tanh reservoir, a Hardtanh core and a liquid ODE, in integers beside their own programs: a minute. With torch from
# their modules, and with ncps gated networks (VENV=.venv-torch EXTRAS=torch,ncps,safetensors,series,dev); without torch
# from their matrices.
programs: setup
	cd tests && ../$(BIN)/python -m bench.programs

# Networks of others (NIR, .net), read and deployed, beside what they did in their source. SHARED: where they are. More of
# it with LSM_DEPLOY_LAVA_DL_PYTHON, and with LSM_DEPLOY_SIMULATORS_PYTHON, in which it trains one: minutes.
interchange: setup
	cd tests && ../$(BIN)/python -m bench.interchange $(if $(SHARED),--shared $(abspath $(SHARED)))

# What a step takes, here and in other simulators, on the same networks in the same run: half an hour, and the manual's
# tables. QUICK=1: the main case only, and the manual stays; so for AXES=size,delays (see tests/bench/grid.py), for
# PEERS=emulator,nest or none, and for BESIDE=FOLDER: another checkout that is set up, asked in the same rounds.
bench: setup $(if $(PEERS),,bench-peers)
	cd tests && ../$(BIN)/python -m bench $(if $(QUICK),--quick) $(if $(AXES),--axes $(AXES)) \
		$(if $(PEERS),--peers $(PEERS)) $(if $(BESIDE),--beside $(abspath $(BESIDE)))

# A dense reservoir of 300 tanh units: a step here, at best on this machine, in NumPy, ReservoirPy and Lava: a minute.
bench-graded: setup
	cd tests && ../$(BIN)/python -m bench.graded

# Simulators whose packages do not fit beside ours have environments of their own. What does not install is not here.
BENCH_PEERS := nest brian2_loihi nengo_loihi
bench-peers: $(BENCH_PEERS:%=.venv-bench-%/ready)

.venv-bench-%/ready: tests/bench/peers/%.txt
	@rm -rf $(@D)
	@$(or $(PYTHON310),false) -m venv $(@D) && $(@D)/bin/python -m pip install --quiet --disable-pip-version-check \
		--requirement $< && touch $@ || { rm -rf $(@D); echo "$* is left out: it could not be installed"; }

# lava-dl, which runs programs as the backend `netx`: an environment of its own, of Python 3.10 and six gigabytes.
lava-dl: .venv-lava-dl/ready
	@echo 'export LSM_DEPLOY_LAVA_DL_PYTHON=$(abspath .venv-lava-dl/bin/python)'

.venv-lava-dl/ready:
	@rm -rf $(@D)
	@test -n "$(PYTHON310)" || { echo "lava-dl needs Python 3.10, which is not here"; exit 1; }
	$(PYTHON310) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check lava-dl==0.6.0
	@touch $@

# What compiling and running large liquids takes: some minutes, and 5 GB for a million neurons. NEURONS=10000,100000;
# BESIDE=FOLDER: the same by another checkout that is set up, in turn.
NEURONS ?= 10000,100000,1000000
large: setup
	$(BIN)/python tests/bench/large.py --neurons $(NEURONS) $(if $(BESIDE),--beside $(BESIDE))

# What quantisation does to liquids, what it needs and what is proved: a quarter of an hour. QUICK=1: a taste of each.
faithful: setup
	$(BIN)/lsm-deploy quantise-report configs/japanese_vowels.yaml
	cd tests && ../$(BIN)/python -m bench.faithful $(if $(QUICK),--quick)

# What the quick start's liquid separates, remembers, forgets and amplifies, in floats and in integers, and what it
# still knows of the past; and its pictures.
diagnose: setup
	@mkdir -p build
	$(BIN)/lsm-deploy diagnose configs/japanese_vowels.yaml --knows --picture build/diagnosed

# What a beat, or a frame, takes a model that listens, beside the way of whole samples in the same run: a minute.
live: setup
	cd tests && ../$(BIN)/python -m bench.live

# One search by several processes, in a file and in a PostgreSQL of its own, some killed, the server stopped: the same best
# spec each time. Minutes; QUICK=1: fewer trials.
search-postgres: setup
	cd tests && ../$(BIN)/python -m bench.searching $(if $(QUICK),--quick)

# Signals that drift: a readout that was trained at once fails, one that learns online and forgets recovers: a minute.
drift: setup
	cd tests && ../$(BIN)/python -m bench.drift $(if $(QUICK),--quick)

# Forecasts by graded reservoirs in integers, beside floats, baselines and ReservoirPy, and the manual's table: some
# minutes. QUICK=1: one reservoir each, and the manual stays.
forecast: setup
	cd tests && ../$(BIN)/python -m bench.forecast $(if $(QUICK),--quick)

# El Niño and sunspots, forecast in the order of time, beside what climatologists compare with, and the manual's tables:
# some minutes. QUICK=1: two origins, a reservoir each, and the manual stays.
climate: setup
	cd tests && ../$(BIN)/python -m bench.climate $(if $(QUICK),--quick)

# An object that moves and is hidden at times, tracked from simulated events of a small sensor, beside a Kalman filter, and
# pedestrians, whose boxes come with motmetrics: the manual's tables, in some minutes. QUICK=1: a few sequences and small
# liquids, and the manual stays.
tracking: setup
	-$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --dest build/wheels \
		--requirement tests/bench/tracking/pedestrians.txt
	cd tests && ../$(BIN)/python -m bench.tracking $(if $(QUICK),--quick)

# Cart-pole, pendulum and double pendulum in closed loop at 20 ms, velocities hidden: liquids that learn by imitation, beside
# baselines and experts, disturbed, and in C; and the manual's tables: seven minutes. A GRU beside them needs torch,
# of some gigabytes, which is installed: where it cannot be, that row is left out. QUICK=1: a taste of each, with torch where
# it is already, and the manual stays.
control: setup $(if $(QUICK),,torch)
	cd tests && ../$(BIN)/python -m bench.control $(if $(QUICK),--quick)

torch: setup
	@$(BIN)/python -c 'import torch' 2>/dev/null || $(INSTALL) --editable '.[torch]' || \
		echo "the GRU is left out: torch could not be installed"

# What bit flips, lost neurons and other faults of a chip cost three tasks, what redundancy buys, and the manual's tables:
# ten minutes. SHARED: where afdb_beats.npz and fsdd.npz are. QUICK=1: a taste, and the manual stays.
robust: setup
	cd tests && ../$(BIN)/python -m bench.robust --shared $(abspath $(or $(SHARED),../shared/data)) $(if $(QUICK),--quick)

# Atrial fibrillation from heart beats: accuracy by record, alarms beat by beat, power, parity, and the manual's tables:
# half an hour. AF: beats as an .npz, or a folder of WFDB annotations. QUICK=1: a taste of it, and the manual stays.
AF ?= ../shared/data/afdb_beats.npz
af: setup
	cd tests && ../$(BIN)/python -m bench.af --data $(abspath $(AF)) $(if $(QUICK),--quick)

# Other liquids for the same, 17 kinds of 16 to 64 neurons, one of them chosen inside of each fold, and its alarms: twelve
# minutes, and the manual's table. AF, QUICK as above.
af-inside: setup
	cd tests && ../$(BIN)/python -m bench.af.inside --data $(abspath $(AF)) $(if $(QUICK),--quick)

# Spoken digits: accuracy on the official split and on speakers never heard, ablations, decision time, parity: half an
# hour, and the manual's tables. DIGITS: an .npz of sound, or a folder of WAV files. QUICK=1: a taste.
DIGITS ?= ../shared/data/fsdd.npz
digits: setup
	cd tests && ../$(BIN)/python -m bench.digits --data $(abspath $(DIGITS)) $(if $(QUICK),--quick)

# What liquids of the spoken digits still know of a word that is over: minutes, and the manual's tables. DIGITS as above;
# QUICK=1: one liquid.
knows: setup
	cd tests && ../$(BIN)/python -m bench.knows --data $(abspath $(DIGITS)) $(if $(QUICK),--quick)

# Digits in a row, in noise, spotted as they end, beside a buffer of as many bytes: minutes, and the manual's tables. DIGITS:
# as above. QUICK=1: a taste, and the manual stays.
spotting: setup
	cd tests && ../$(BIN)/python -m bench.spotting --data $(abspath $(DIGITS)) $(if $(QUICK),--quick)

# Spoken digits of speakers that nobody tuned on: values chosen inside of splits, with and without what is known of a speaker,
# and the manual's tables: 25 minutes. DIGITS: as above. QUICK=1: a taste, and the manual stays.
nested: setup
	cd tests && ../$(BIN)/python -m bench.nested --data $(abspath $(DIGITS)) $(if $(QUICK),--quick)

# Where a liquid earns its place, and what stands behind popular claims, from the results of other experiments: those that
# are not in build/ are run first, two hours in all; and the manual's tables. AF, DIGITS: as above.
EVIDENCE := af af-inside digits knows spotting control/cart_pole control/pendulum control/double_pendulum tracking climate forecast drift
evidence: $(EVIDENCE:%=build/%/results.json)
	cd tests && ../$(BIN)/python -m bench.evidence

$(EVIDENCE:%=build/%/results.json): build/%/results.json: | setup
	$(MAKE) $(firstword $(subst /, ,$*))

# How often intervals over groups and liquids hold what they are of, on data that are drawn: a minute.
intervals: setup
	cd tests && ../$(BIN)/python -m bench.intervals

# An evaluation on 1, 2 and 4 workers, the same while workers are killed, and a model of more: minutes, and the manual's
# table. DIGITS: as above. QUICK=1: a taste, and the manual stays.
scale: setup
	cd tests && ../$(BIN)/python -m bench.scale --data $(abspath $(DIGITS)) $(if $(QUICK),--quick)

# Three models in C on a Cortex-M4 that QEMU emulates, and random programs, with bytes and instructions, and the manual's
# tables: some minutes. Needs gcc-arm-none-eabi and qemu-system-arm. AF: as above. QUICK=1: a taste, and the manual stays.
c: setup
	cd tests && ../$(BIN)/python -m bench.c --af $(abspath $(AF)) $(if $(QUICK),--quick)

# Parity on a Loihi 2 board: fails, and does not skip, where there is none.
hardware: setup
	$(BIN)/pytest hardware-tests

setup: $(VENV)/ready

# Programs that some tests run, of Debian; without them those tests say so, and are left out. As root. Those of RISC-V take
# 1.2 GB more: gcc-riscv64-unknown-elf, picolibc-riscv64-unknown-elf, qemu-system-misc.
TOOLS := chromium chromium-driver clang libclang-rt-14-dev gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm postgresql
tools:
	@dpkg --status $(TOOLS) >/dev/null 2>&1 || { apt-get update --quiet=2 && \
		DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes --no-install-recommends $(TOOLS) >/dev/null; } || \
		echo "some of these could not be installed: $(TOOLS)"

define install
@test -n "$(PYTHON)" || { echo "no Python found: install Python 3.10, or any up to 3.13"; exit 1; }
$(PYTHON) -m venv $(VENV)
$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$(1)]'
$(if $(filter lava,$(subst $(comma), ,$(1))),$(LAVA))
@touch $@
endef

$(VENV)/ready: pyproject.toml
	$(call install,$(EXTRAS))

$(VENV)/ready-demo: pyproject.toml
	$(call install,$(DEMO))

# Lava says that it is for 3.10 and numpy 1 only; with what its dependencies are elsewhere it runs on others as well.
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check
LAVA = $(BIN)/python -c 'from importlib.metadata import version; version("lava-nc")' 2>/dev/null || \
	{ $(INSTALL) --editable '.[lava]' && $(INSTALL) --ignore-requires-python --no-deps lava-nc==0.10.0; }
comma := ,

lava: setup
	$(LAVA)

clean:
	rm -rf $(VENV) .venv-bench-* .venv-lava-dl .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache
