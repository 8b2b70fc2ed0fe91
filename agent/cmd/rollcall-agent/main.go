// Old IOS has RSA host keys of 512 and 768 bits, which Go refuses by default.
//
//go:debug rsa1024min=0

// Command rollcall-agent reads the serial numbers of Cisco devices on a LAN:
// once (scan), from saved output (parse), or for good, reporting to a collector
// (run). This package has flags, signals and output; the work is done by package
// agent and those below it.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"rollcall/agent/internal/show"
	"rollcall/pkg/table"
)

// version is set when the program is built.
var version = "unknown"

const description = "Reads the real serial numbers of Cisco devices over SNMP and SSH."

type commands struct {
	Scan    scanCmd    `cmd:"" help:"Read devices once and print what they are made of."`
	Parse   parseCmd   `cmd:"" help:"Read saved output of show inventory, show version and others."`
	Join    joinCmd    `cmd:"" help:"Make this agent known to a collector, with a join token."`
	Run     runCmd     `cmd:"" help:"Poll devices and report to a collector, until stopped."`
	Check   checkCmd   `cmd:"" help:"Say whether a configuration is right and what it would poll."`
	Status  statusCmd  `cmd:"" help:"Ask a running agent how it does."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

// streams are what a command reads and writes.
type streams struct {
	ctx    context.Context
	in     io.Reader
	out    io.Writer
	errOut io.Writer
	reload <-chan os.Signal // stands for SIGHUP in tests
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(execute(os.Args[1:], streams{ctx: ctx, in: os.Stdin, out: table.Stream(os.Stdout), errOut: table.Stream(os.Stderr)}))
}

// execute returns the exit status.
func execute(args []string, s streams) int {
	parser := kong.Must(&commands{}, kong.Name(program), kong.Description(description), kong.Writers(s.out, s.errOut),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Vars{"platforms": "auto," + strings.Join(show.Platforms(), ",")})
	chosen, err := parser.Parse(args)
	if err != nil {
		return s.fail(usage("%v", err))
	}
	return s.fail(chosen.Run(s))
}
