// Command simdevice runs one simulated Cisco device until Ctrl-C, to try
// Rollcall or any other tool on. See package rollcall/pkg/simdevice.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"rollcall/pkg/config"
	"rollcall/pkg/simdevice"
)

// version is set when the program is built.
var version = "unknown"

const description = `Simulates one Cisco device on SNMP and SSH until Ctrl-C.

FILE is YAML with the fields of a device: name, platform, software, units, community, v3, ssh_user, ssh_password, faults.
Without FILE, --example runs a device with invented serials.`

type options struct {
	File     string           `arg:"" optional:"" help:"YAML file of the device."`
	Example  string           `help:"Device to run without FILE: ${examples}." placeholder:"NAME"`
	Listen   string           `default:"127.0.0.1" help:"Address to listen on. The device is not secure: keep it on loopback."`
	SNMPPort uint16           `name:"snmp-port" default:"0" help:"UDP port; 0 for any."`
	SSHPort  uint16           `name:"ssh-port" default:"0" help:"TCP port; 0 for any."`
	Fault    []string         `placeholder:"NAME=VALUE" help:"Fault to simulate, as too_big_at=20 or repeat_oid. May be given again."`
	Verbose  bool             `help:"Log what clients do wrong."`
	Version  kong.VersionFlag `help:"Print the version."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var o options
	parser := kong.Must(&o, kong.Name("simdevice"), kong.Description(description),
		kong.Vars{"version": version, "examples": strings.Join(simdevice.Examples(), ", ")})
	if _, err := parser.Parse(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "simdevice: %v\nsimdevice: run simdevice --help\n", err)
		os.Exit(2)
	}
	if err := run(ctx, o, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintf(os.Stderr, "simdevice: %v\n", err)
		os.Exit(1)
	}
}

// run simulates until the context ends. What it listens on goes to out.
func run(ctx context.Context, o options, out, logs io.Writer) error {
	d, err := device(o)
	if err != nil {
		return err
	}
	level := slog.LevelInfo
	if o.Verbose {
		level = slog.LevelDebug
	}
	s, err := simdevice.Start(d, simdevice.Options{
		SNMPAddr: net.JoinHostPort(o.Listen, strconv.Itoa(int(o.SNMPPort))),
		SSHAddr:  net.JoinHostPort(o.Listen, strconv.Itoa(int(o.SSHPort))),
		Log:      slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: level})),
	})
	if err != nil {
		return err
	}
	if err := announce(out, d, s); err != nil {
		return errors.Join(err, s.Close())
	}
	<-ctx.Done()
	return s.Close()
}

// device reads the device and adds the faults.
func device(o options) (simdevice.Device, error) {
	var d simdevice.Device
	switch {
	case o.File != "" && o.Example != "":
		return d, errors.New("give either a file or --example")
	case o.File != "":
		if err := config.Load(o.File, &d); err != nil {
			return d, err
		}
	case o.Example != "":
		var ok bool
		if d, ok = simdevice.Example(o.Example); !ok {
			return d, fmt.Errorf("there is no example %q: use one of %s", o.Example, strings.Join(simdevice.Examples(), ", "))
		}
	default:
		return d, errors.New("nothing to simulate: give a file or --example NAME")
	}
	for _, f := range o.Fault {
		name, value, found := strings.Cut(f, "=")
		if !found {
			value = "true"
		}
		if err := config.Decode([]byte(name+": "+value), &d.Faults); err != nil {
			return d, fmt.Errorf("cannot simulate fault %q: %w", f, err)
		}
	}
	return d, nil
}

// announce says how to reach the device. Its passwords are invented, and are
// the way in to nothing else.
func announce(out io.Writer, d simdevice.Device, s *simdevice.Server) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s) is up; Ctrl-C stops it.\n", d.Name, d.Platform)
	if d.Community != "" {
		fmt.Fprintf(&b, "  SNMP  %s  community %s\n", s.SNMPAddr(), d.Community)
	}
	for _, u := range d.V3 {
		fmt.Fprintf(&b, "  SNMP  %s  user %s", s.SNMPAddr(), u.User)
		if u.AuthProtocol != "" {
			fmt.Fprintf(&b, ", %s %q", u.AuthProtocol, u.AuthPassword)
		}
		if u.PrivProtocol != "" {
			fmt.Fprintf(&b, ", %s %q", u.PrivProtocol, u.PrivPassword)
		}
		b.WriteByte('\n')
	}
	if s.SSHAddr() != "" {
		fmt.Fprintf(&b, "  SSH   %s  user %s, password %q\n", s.SSHAddr(), d.SSHUser, d.SSHPassword)
	}
	_, err := io.WriteString(out, b.String())
	return err
}
