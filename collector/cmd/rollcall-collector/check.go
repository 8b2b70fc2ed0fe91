package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"rollcall/collector"
	"rollcall/pkg/filesystem"
)

type checkCmd struct {
	Config  string `required:"" help:"The settings to look at." type:"path" placeholder:"FILE"`
	Audit   bool   `help:"Follow the chain of the audit log, and say where it is broken."`
	Known   string `help:"An entry and its hash that the collector's log told of before, which the audit log must have." placeholder:"NUMBER:HASH"`
	Connect bool   `help:"Ask Cisco for a token with each account of support_api, and log in to the mail server and connect to the webhooks of notify, too."`
	Send    bool   `help:"As --connect, and send a trial mail to each recipient and a message of type test to each webhook."`
}

// connectTime bounds the questions of --connect.
const connectTime = time.Minute

// Run says what serve would do with the settings, or what is wrong with them.
func (c *checkCmd) Run(ctx context.Context, std stdio) error {
	config, err := collector.LoadConfig(c.Config)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	server, warnings, err := config.CheckDatabase(ctx)
	if err != nil {
		return err
	}
	if w := filesystem.Warning(config.DataDir); w != "" && server == "" {
		warnings = append(warnings, "data_dir: "+w)
	}
	for _, w := range warnings {
		if _, err := fmt.Fprintf(std.err, "%s: warning: %s\n", program, w); err != nil {
			return err
		}
	}
	data := config.DataDir
	if server != "" {
		data = "PostgreSQL " + server
	}
	if _, err := fmt.Fprintf(std.out, "%s is right: it serves %s://%s/ with the data in %s\n", c.Config, config.Scheme(), config.Listen, data); err != nil {
		return err
	}
	if c.Audit || c.Known != "" {
		if err := checkAudit(ctx, std, dataFlags{Config: c.Config}, c.Known); err != nil {
			return err
		}
	}
	if !c.Connect && !c.Send {
		return nil
	}
	taken, errs := config.ConnectSupportAPI(ctx, version)
	if len(errs) == 0 {
		text := "no account of Cisco's Support APIs is set up"
		if len(taken) > 0 {
			text = "Cisco takes the accounts of support_api: " + strings.Join(taken, ", ")
		}
		if _, err := fmt.Fprintln(std.out, text); err != nil {
			return err
		}
	}
	well, failed := config.ConnectNotify(ctx, version, c.Send)
	for _, text := range well {
		if _, err := fmt.Fprintln(std.out, text); err != nil {
			return err
		}
	}
	if len(well)+len(failed) == 0 {
		if _, err := fmt.Fprintln(std.out, "no mail server and no webhook is set up"); err != nil {
			return err
		}
	}
	return errors.Join(append(errs, failed...)...)
}
