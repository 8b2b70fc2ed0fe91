package demo

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"

	"rollcall/pkg/simdevice"
)

// The ports that the devices listen on when these are free.
const (
	snmpPort = "10161"
	sshPort  = "10022"
)

// devices are the simulated ones, by name.
type devices struct {
	servers map[string]*simdevice.Server
}

// startDevices gives each device a loopback address of its own.
func startDevices(world []organization, log *slog.Logger) (*devices, error) {
	d := &devices{servers: map[string]*simdevice.Server{}}
	for _, org := range world {
		for _, s := range org.sites {
			for i, n := range s.nodes {
				server, err := startDevice(n.device, fmt.Sprintf("%s.%d", s.net, i+1), log)
				if err != nil {
					d.close()
					return nil, err
				}
				d.servers[n.device.Name] = server
			}
		}
	}
	return d, nil
}

func startDevice(device simdevice.Device, address string, log *slog.Logger) (*simdevice.Server, error) {
	start := func(snmp, ssh string) (*simdevice.Server, error) {
		o := simdevice.Options{SNMPAddr: net.JoinHostPort(address, snmp), Log: log}
		if device.SSHUser != "" {
			o.SSHAddr = net.JoinHostPort(address, ssh)
		}
		return simdevice.Start(device, o)
	}
	server, err := start(snmpPort, sshPort)
	if err == nil {
		return server, nil
	}
	if server, err = start("0", "0"); err != nil {
		return nil, fmt.Errorf("cannot start simulated device %s at %s: %w (the demo needs all of 127.0.0.0/8 on loopback, as Linux and Windows have it; on macOS run: sudo ifconfig lo0 alias %s)",
			device.Name, address, err, address)
	}
	return server, nil
}

func (d *devices) close() {
	for _, s := range d.servers {
		_ = s.Close() // it ends with the program
	}
}

func (d *devices) count() int { return len(d.servers) }

// later changes what has changed between the first day and the present.
func (d *devices) later(world []organization) {
	for _, org := range world {
		for _, s := range org.sites {
			for _, n := range s.nodes {
				if n.later != nil {
					n.later(d.servers[n.device.Name])
				}
				if n.gone {
					d.servers[n.device.Name].SetReachable(false)
				}
			}
		}
	}
}

// swap replaces a stack member, as an RMA does.
func (d *devices) swap(r swap) error {
	server := d.servers[r.device]
	if server == nil {
		return errors.New("there is no device " + r.device)
	}
	server.Update(func(d *simdevice.Device) {
		d.Units[r.unit].Serial, d.Units[r.unit].Parts = r.new, r.partsNew
	})
	return nil
}

// hint is how to ask the device by hand.
func (d *devices) hint(name string) string {
	server := d.servers[name]
	if server == nil {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "  snmpwalk -v3 -l authPriv -u %s -a SHA-256 -A %s -x AES -X %s %s 1.3.6.1.2.1.47.1.1.1.1.11\n",
		snmpUser, authPassword, privPassword, server.SNMPAddr())
	if host, port, err := net.SplitHostPort(server.SSHAddr()); err == nil {
		fmt.Fprintf(&b, "  ssh -p %s %s@%s     password: %s, then: show inventory\n", port, sshUser, host, sshPassword)
	}
	return b.String()
}

// port is the port of a listening address, 0 when there is none.
func port(address string) int {
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return n
}
