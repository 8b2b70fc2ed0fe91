package main

import (
	"fmt"

	"rollcall/collector"
)

type checkCmd struct {
	Config string `required:"" help:"The settings to look at." type:"path" placeholder:"FILE"`
}

// Run says what serve would do with the settings, or what is wrong with them.
func (c *checkCmd) Run(std stdio) error {
	config, err := collector.LoadConfig(c.Config)
	if err != nil {
		return err
	}
	scheme := "http"
	if config.TLS.CertFile != "" {
		scheme = "https"
	}
	_, err = fmt.Fprintf(std.out, "%s is right: it serves %s://%s/ with the data in %s\n", c.Config, scheme, config.Listen, config.DataDir)
	return err
}
