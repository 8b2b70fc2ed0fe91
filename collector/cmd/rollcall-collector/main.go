// Command rollcall-collector takes the reports of agents, holds them against
// contract files, and serves what it found. Each subcommand has a file of its
// own; what they do is in the packages of the collector.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"rollcall/pkg/table"
)

const program = "rollcall-collector"

// version is set by the linker.
var version = "unknown"

type commands struct {
	Demo      demoCmd      `cmd:"" help:"Show everything on this machine with simulated devices."`
	Serve     serveCmd     `cmd:"" help:"Take reports of agents, and serve pages, API and metrics."`
	Reconcile reconcileCmd `cmd:"" help:"Hold a scan against contract files, without server and database."`
	Import    importCmd    `cmd:"" help:"Take contract files for an organization."`
	Export    exportCmd    `cmd:"" help:"Write what people take away: lists, renewal list, swap sheet, Takeback checklist, TAC card, drafts of mails."`
	Token     tokenCmd     `cmd:"" help:"Make, list and revoke the tokens of agents."`
	User      userCmd      `cmd:"" help:"Make the accounts of people, and say what they may do."`
	Declare   declareCmd   `cmd:"" help:"Say what only people know of a unit: obtained elsewhere, spare, returned, retired, not yours."`
	Retire    retireCmd    `cmd:"" help:"Say that a contract no longer exists, a device is gone, or a site is closed."`
	RMA       rmaCmd       `cmd:"" name:"rma" help:"Keep the ledger of replacements, and confirm or reject those that were inferred."`
	Order     orderCmd     `cmd:"" help:"Keep the ledger of donated gear."`
	Site      siteCmd      `cmd:"" help:"Keep the postal addresses of sites."`
	Finding   findingCmd   `cmd:"" help:"List what was found, and say that you have seen it."`
	Backup    backupCmd    `cmd:"" help:"Write a copy of the database, while a collector serves it."`
	Restore   restoreCmd   `cmd:"" help:"Put a backup in the place of the database, while no collector runs."`
	Migrate   migrateCmd   `cmd:"" help:"Move the data from SQLite to PostgreSQL, or go back."`
	Check     checkCmd     `cmd:"" help:"Say whether a configuration file is right."`
	Version   versionCmd   `cmd:"" help:"Print the version."`
}

// stdio are the standard streams of the program.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(run(ctx, os.Args[1:], stdio{os.Stdin, table.Stream(os.Stdout), table.Stream(os.Stderr)}))
}

// run returns the exit status: 0 all well, 1 the program failed, 2 wrong usage,
// 3 it ran, but something it was asked for is not there.
func run(ctx context.Context, args []string, std stdio) int {
	exited := -1 // by --help
	parser, err := kong.New(&commands{}, kong.Name(program), kong.Writers(std.out, std.err), kong.Exit(func(status int) { exited = status }),
		kong.Description("Says which of an organization's Cisco gear is really under contract."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}), kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(std),
		kong.Vars{"documents": kindNames()})
	if err != nil {
		complain(std, err)
		return int(failed)
	}
	command, err := parser.Parse(args)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		complain(std, fmt.Errorf("%w\nrun %s --help to see what there is", err, program))
		return int(wrongUsage)
	}
	var status exitStatus
	switch err := command.Run(); {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	default:
		complain(std, err)
		return int(failed)
	}
}

// complain writes an error to standard error, each line with the program's name.
// An error may hold what stands in a file or came from a device.
func complain(std stdio, err error) {
	for line := range strings.SplitSeq(err.Error(), "\n") {
		_, _ = fmt.Fprintf(std.err, "%s: %s\n", program, table.Text(line))
	}
}
