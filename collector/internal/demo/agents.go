package demo

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"rollcall/agent"
	"rollcall/pkg/config"
)

// The names of the credentials in the agents' configurations.
const (
	byV3      = "snmpv3"
	byOldV3   = "snmpv3-before-rotation"
	byV2c     = "community"
	bySSH     = "ssh"
	rotatedAt = "demo-before-rotation"
)

// startAgents runs the agents of the sites that are chosen, until the context
// ends.
func (d *demo) startAgents(ctx context.Context, group *errgroup.Group, chosen func(site) bool) error {
	for _, org := range d.world {
		for _, s := range org.sites {
			if !chosen(s) {
				continue
			}
			a, err := agent.New(d.agentConfig(s), agent.Options{
				Log: d.options.Log.With("agent", s.agent), Version: d.options.Version, Now: d.clock.now, FirstPollNow: true,
			})
			if err != nil {
				return fmt.Errorf("agent %s: %w", s.agent, err)
			}
			group.Go(func() error { return a.Run(ctx) })
		}
	}
	return nil
}

// agentConfig is what agent.yaml would say at the site.
func (d *demo) agentConfig(s site) agent.Config {
	c := agent.DefaultConfig()
	c.Name = s.agent
	c.DataDir = filepath.Join(d.dir, "agents", s.agent)
	c.Collector.URL = strings.TrimSuffix(d.collector.URL(), "/")
	c.Collector.Token = config.Plain(d.tokens[s.agent])
	c.Interval = config.Duration(d.options.Interval)
	c.StartSpread = 0
	v3 := func(auth string) *agent.SNMPCredential {
		return &agent.SNMPCredential{
			Version: "3", User: snmpUser, AuthProtocol: "SHA256", AuthPassword: config.Plain(auth),
			PrivProtocol: "AES", PrivPassword: config.Plain(privPassword),
		}
	}
	c.Credentials = []agent.Credential{
		{Name: byV3, SNMP: v3(authPassword)},
		{Name: byOldV3, SNMP: v3(rotatedAt)},
		{Name: byV2c, SNMP: &agent.SNMPCredential{Version: "2c", Community: config.Plain(community)}},
		{Name: bySSH, SSH: &agent.SSHCredential{User: sshUser, Password: config.Plain(sshPassword)}},
	}
	for _, n := range s.nodes {
		server := d.devices.servers[n.device.Name]
		host, _, err := net.SplitHostPort(server.SNMPAddr())
		if err != nil {
			continue // the address came from the listener itself
		}
		c.Targets = append(c.Targets, agent.Target{
			Address: host, Credentials: n.credentials(), Via: n.via,
			SNMPPort: port(server.SNMPAddr()), SSHPort: port(server.SSHAddr()), Timeout: config.Duration(time.Second),
		})
	}
	return c
}

// credentials are those that the agent tries at the node.
func (n node) credentials() []string {
	switch {
	case n.wrongPassword:
		return []string{byOldV3}
	case n.via == "ssh":
		return []string{bySSH}
	case n.device.Community != "":
		return []string{byV2c, bySSH}
	case n.device.SSHUser == "":
		return []string{byV3}
	}
	return []string{byV3, bySSH}
}
