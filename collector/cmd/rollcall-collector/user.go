package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"rollcall/collector"
	"rollcall/collector/internal/login"
	"rollcall/collector/internal/store"
	"rollcall/pkg/table"
)

// userCmd keeps the accounts of people. Whoever may read the data directory may
// do all of this, so it needs no login.
type userCmd struct {
	Create   userCreateCmd   `cmd:"" help:"Make an account."`
	List     userListCmd     `cmd:"" help:"List the accounts with what they may do."`
	Role     userRoleCmd     `cmd:"" help:"Say what an account may do."`
	Password userPasswordCmd `cmd:"" help:"Give an account a new password."`
	Link     userLinkCmd     `cmd:"" help:"Make a link with which the first account is made in a browser, as serve does at its start."`
	Disable  userDisableCmd  `cmd:"" help:"Refuse an account from now on, and end its sessions."`
	Enable   userEnableCmd   `cmd:"" help:"Let a disabled account in again."`
	Delete   userDeleteCmd   `cmd:"" help:"Take an account away with its sessions and tokens."`
}

// withAccounts gives do the store and closes it.
func withAccounts(ctx context.Context, std stdio, f dataFlags, do func(*store.Store) error) (err error) {
	s, err := f.open(ctx, std)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return do(s)
}

// withAccount gives do the account of that name too.
func withAccount(ctx context.Context, std stdio, f dataFlags, name string, do func(*store.Store, store.Account) error) error {
	return withAccounts(ctx, std, f, func(s *store.Store) error {
		a, err := s.AccountByName(ctx, name)
		if errors.Is(err, store.ErrNotFound) {
			return notListed(std, err, fmt.Sprintf("there is no account %q: %s user list shows all", name, program))
		}
		if err != nil {
			return err
		}
		return do(s, a)
	})
}

// passwordFlags give a password, or a link with which its owner chooses one.
type passwordFlags struct {
	PasswordFile string `type:"path" placeholder:"FILE" help:"File with the password, \"-\" for standard input; without it, a link is printed with which its owner chooses one."`
}

// maxPasswordFile bounds what is read as a password, in bytes.
const maxPasswordFile = 4096

// set keeps the password of the file, or prints a link.
func (f passwordFlags) set(ctx context.Context, std stdio, s *store.Store, config collector.Config, a store.Account) error {
	if f.PasswordFile == "" {
		return printLink(ctx, std, s, config, a.ID, linkLife)
	}
	in := std.in
	if f.PasswordFile != "-" {
		file, err := os.Open(f.PasswordFile)
		if err != nil {
			return fmt.Errorf("cannot read the password: %w", err)
		}
		defer func() { _ = file.Close() }()
		in = file
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxPasswordFile))
	if err != nil {
		return fmt.Errorf("cannot read the password: %w", err)
	}
	password := strings.TrimRight(string(raw), "\r\n")
	if err := login.CheckPassword(a.Name, password); err != nil {
		return err
	}
	hash, err := login.NewHasher().Hash(ctx, password)
	if err != nil {
		return err
	}
	if err := s.SetPassword(ctx, a.ID, hash, ""); err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "The password of %q is set. Where it was logged in, it is logged out.\n", a.Name)
	return err
}

// How long a link holds: for somebody else, to whom it is carried, and for the
// first account, whose maker is here.
const (
	linkLife  = 3 * 24 * time.Hour
	firstLife = time.Hour
)

func printLink(ctx context.Context, std stdio, s *store.Store, config collector.Config, account string, life time.Duration) error {
	code, err := s.NewSetupCode(ctx, account, life)
	if err != nil {
		return err
	}
	what, holds := "Its owner opens this link and chooses a password", "three days"
	if account == "" {
		what, holds = "Open this link to make the first account", "an hour"
	}
	base, _ := config.AgentURL()
	_, err = fmt.Fprintf(std.out, "%s. It can be used once and holds for %s:\n\n%s\n", what, holds, collector.SetupURL(base, code))
	return err
}

type userCreateCmd struct {
	Data          dataFlags `embed:""`
	passwordFlags `embed:""`

	Role         string `enum:"viewer,editor,admin" default:"admin" help:"viewer, editor or admin (default: admin)." placeholder:"ROLE"`
	Organization string `help:"Where it has that role, by name or ID (default: all organizations)." placeholder:"ORG"`
	Name         string `arg:"" help:"What is typed to log in: one word or an e-mail address."`
}

// Run makes the account.
func (c *userCreateCmd) Run(ctx context.Context, std stdio) (err error) {
	config, err := c.Data.settings()
	if err != nil {
		return err
	}
	// The first account may be made before the collector ever ran.
	s, err := openStore(ctx, std, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	org, place := "", "all organizations"
	if c.Organization != "" {
		o, err := findOrganization(ctx, s, c.Organization)
		if err != nil {
			return err
		}
		org, place = o.ID, fmt.Sprintf("%q", o.Name)
	}
	a, err := s.CreateAccount(ctx, c.Name, login.Grants{org: login.Role(c.Role)})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(std.out, "The account %q is %s of %s.\n", a.Name, c.Role, place); err != nil {
		return err
	}
	if err := c.set(ctx, std, s, config, a); err != nil {
		// One without a password, under a name that is then taken, helps nobody.
		// Only where it is the last admin it stays, and gets one by "user password".
		return errors.Join(err, ignoreConflict(s.DeleteAccount(ctx, a.ID)))
	}
	return nil
}

func ignoreConflict(err error) error {
	if errors.Is(err, store.ErrConflict) {
		return nil
	}
	return err
}

type userListCmd struct {
	Data dataFlags `embed:""`
}

// Run prints one account a line.
func (c *userListCmd) Run(ctx context.Context, std stdio) error {
	return withAccounts(ctx, std, c.Data, func(s *store.Store) error {
		all, err := s.Accounts(ctx)
		if err != nil {
			return err
		}
		var rows [][]string
		for _, a := range all {
			state, last := "active", "never"
			switch {
			case a.Disabled:
				state = "disabled"
			case !a.HasPassword && a.Subject == "":
				state = "no password yet"
			}
			if !a.LastLogin.IsZero() {
				last = a.LastLogin.Format(time.RFC3339)
			}
			var roles []string
			for _, org := range slices.Sorted(maps.Keys(a.Grants)) {
				place := org
				if org == "" {
					place = "all organizations"
				}
				roles = append(roles, string(a.Grants[org])+" of "+place)
			}
			rows = append(rows, []string{a.Name, state, strings.Join(roles, ", "), last})
		}
		return table.Columns(std.out, "", []string{"ACCOUNT", "STATE", "ROLES", "LAST LOGIN"}, rows)
	})
}

type userRoleCmd struct {
	Data         dataFlags `embed:""`
	Organization string    `help:"Where, by name or ID (default: all organizations)." placeholder:"ORG"`
	Name         string    `arg:"" help:"The account."`
	Role         string    `arg:"" enum:"viewer,editor,admin,none" help:"viewer, editor, admin, or none to take it away."`
}

// Run saves the role.
func (c *userRoleCmd) Run(ctx context.Context, std stdio) error {
	return withAccount(ctx, std, c.Data, c.Name, func(s *store.Store, a store.Account) error {
		org, place := "", "all organizations"
		if c.Organization != "" {
			o, err := findOrganization(ctx, s, c.Organization)
			if err != nil {
				return err
			}
			org, place = o.ID, fmt.Sprintf("%q", o.Name)
		}
		role := login.Role(strings.TrimPrefix(c.Role, "none"))
		if err := s.Grant(ctx, a.ID, org, role); err != nil {
			return err
		}
		words := c.Role + " of"
		if role == "" {
			words = "nothing any more in"
		}
		_, err := fmt.Fprintf(std.out, "The account %q is %s %s.\n", a.Name, words, place)
		return err
	})
}

type userPasswordCmd struct {
	Data          dataFlags `embed:""`
	passwordFlags `embed:""`

	Name string `arg:"" help:"The account."`
}

// Run sets the password, or prints a link.
func (c *userPasswordCmd) Run(ctx context.Context, std stdio) error {
	config, err := c.Data.settings()
	if err != nil {
		return err
	}
	return withAccount(ctx, std, c.Data, c.Name, func(s *store.Store, a store.Account) error {
		return c.set(ctx, std, s, config, a)
	})
}

type userLinkCmd struct {
	Data dataFlags `embed:""`
}

// Run prints the link.
func (c *userLinkCmd) Run(ctx context.Context, std stdio) error {
	config, err := c.Data.settings()
	if err != nil {
		return err
	}
	return withAccounts(ctx, std, c.Data, func(s *store.Store) error {
		err := printLink(ctx, std, s, config, "", firstLife)
		if errors.Is(err, store.ErrConflict) {
			return fmt.Errorf("there is an account already, and it makes the others: %s user list shows them, %s user password gives one a new password", program, program)
		}
		return err
	})
}

type userDisableCmd struct {
	Data dataFlags `embed:""`
	Name string    `arg:"" help:"The account."`
}

// Run disables the account.
func (c *userDisableCmd) Run(ctx context.Context, std stdio) error {
	return withAccount(ctx, std, c.Data, c.Name, func(s *store.Store, a store.Account) error {
		if err := s.SetDisabled(ctx, a.ID, true); err != nil {
			return err
		}
		_, err := fmt.Fprintf(std.out, "The account %q is refused from now on, and its tokens too.\n", a.Name)
		return err
	})
}

type userEnableCmd struct {
	Data dataFlags `embed:""`
	Name string    `arg:"" help:"The account."`
}

// Run lets the account in again.
func (c *userEnableCmd) Run(ctx context.Context, std stdio) error {
	return withAccount(ctx, std, c.Data, c.Name, func(s *store.Store, a store.Account) error {
		if err := s.SetDisabled(ctx, a.ID, false); err != nil {
			return err
		}
		_, err := fmt.Fprintf(std.out, "The account %q may log in again.\n", a.Name)
		return err
	})
}

type userDeleteCmd struct {
	Data dataFlags `embed:""`
	Name string    `arg:"" help:"The account."`
}

// Run deletes the account.
func (c *userDeleteCmd) Run(ctx context.Context, std stdio) error {
	return withAccount(ctx, std, c.Data, c.Name, func(s *store.Store, a store.Account) error {
		if err := s.DeleteAccount(ctx, a.ID); err != nil {
			return err
		}
		_, err := fmt.Fprintf(std.out, "The account %q is gone. What it decided keeps its name.\n", a.Name)
		return err
	})
}
