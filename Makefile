# test   every test, with the real peers that it installs where it can
# lint   golangci-lint, go vet, go mod tidy
# recall what is found in every recorded device, as a table; fails on any loss
# observability  alerts by real causes through a real Prometheus and Alertmanager, and every query of the dashboards with its result, as a table; SKETCHES=folder draws what their panels have to show
# torture  the long forms of kills, power cuts, bad lines and floods, with their figures as a table; TORTURE names packages
# bench  benchmarks, for benchstat
# build  both programs into bin/
# fuzz   every fuzz target for FUZZTIME; if it is not said, 30s for those of the agent and 10s for the others

GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
VERSION       := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
SKIPS         := $(CURDIR)/.skips

export CGO_ENABLED ?= 0

.PHONY: all build test peers lint recall bench fuzz observability torture

all: build

build:
	go build -trimpath -ldflags "-X main.version=$(VERSION)" -o bin/ ./agent/cmd/rollcall-agent ./collector/cmd/rollcall-collector

# The race detector needs cgo; the programs themselves do not. It leaves out SQLite,
# which is C made into Go and several times slower under it. What takes longest is
# first, and three packages at once, since some wait more than they work. Vet is
# lint's. The whole store on each PostgreSQL would take too long under the race
# detector, so that it is beside it, built as the programs are: one cache serves both.
RACE := -race -gcflags=modernc.org/libc=-race=false -gcflags=modernc.org/sqlite/lib=-race=false
TEST := go test -vet=off -shuffle=on -count=1 -timeout 15m
test: export ROLLCALL_SKIPS = $(SKIPS)
test: peers
	@rm -f $(SKIPS)
	@store=$$(mktemp); $(TEST) -trimpath ./collector/internal/store >"$$store" 2>&1 & beside=$$!; \
	CGO_ENABLED=1 $(TEST) $(RACE) -p 3 ./pkg/e2e ./collector/... ./agent/... ./...; status=$$?; \
	wait $$beside || status=1; \
	echo; echo "The store on every database, without the race detector:"; cat "$$store"; rm -f "$$store"; exit $$status
	@if [ -s $(SKIPS) ]; then \
		echo; echo "Skipped for want of a real peer: $$(wc -l < $(SKIPS)) tests"; sed 's/^/  /' $(SKIPS); \
	else echo "No test was skipped for want of a real peer."; fi
	@rm -f $(SKIPS)

peers:
	@.ci/peers

# With -trimpath, so that what build and test compiled serves here too.
lint: export GOFLAGS += -trimpath
lint:
	go vet ./...
	go mod tidy -diff
	go run $(GOLANGCI_LINT) run

recall: peers
	@table=$$(mktemp); go test -count=1 -run '^TestRecall$$' ./agent/internal/poll -args -report "$$table"; status=$$?; \
		[ -s "$$table" ] || echo "There is no table: recordings of devices are not part of the project, and lie in ../shared/recordings."; \
		cat "$$table"; rm -f "$$table"; exit $$status

observability: peers
	go test -count=1 ./configs/grafana
	@table=$$(mktemp); go test -count=1 -v -run '^Test(Rules|Alerts|Observability)' ./pkg/e2e -args -report "$$table" $(if $(SKETCHES),-sketches "$(abspath $(SKETCHES))"); status=$$?; \
		cat "$$table"; rm -f "$$table"; exit $$status

# The figures are in the order of the gates; those that failed say so.
TORTURE := ./agent/... ./collector/... ./pkg/e2e
torture: peers
	@table=$$(mktemp); ROLLCALL_TORTURE=1 ROLLCALL_FIGURES="$$table" go test -count=1 -p 1 -timeout 24h $(TORTURE); status=$$?; \
		sort -V "$$table"; rm -f "$$table"; exit $$status

bench:
	go test -run '^$$' -bench . -benchmem -count 6 ./...

# FUZZTIME is for each target.
fuzz:
	@.ci/fuzz
