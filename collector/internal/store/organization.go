package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"rollcall/pkg/inventory"
)

// maxName bounds the names of organizations, sites and agents, in bytes.
const maxName = 200

// An Organization is a tenant. Nothing crosses from one to another.
type Organization struct {
	ID   string // made of the name, never changed: "riverside-food-bank"
	Name string
}

// Organizations returns all, by name.
func (s *Store) Organizations(ctx context.Context) ([]Organization, error) {
	all, err := listAll(ctx, s, func(scan func(...any) error, o *Organization) error {
		return scan(&o.ID, &o.Name)
	}, `SELECT id, name FROM organizations ORDER BY name, id`)
	return keep(s, all, func(o Organization) string { return o.ID }), err
}

// OrganizationByName finds one by its ID or by its name, in which case and
// spaces do not matter.
func (s *Store) OrganizationByName(ctx context.Context, name string) (Organization, error) {
	var o Organization
	err := s.view(ctx, func(t *tx) error {
		return t.QueryRowContext(ctx, `SELECT id, name FROM organizations WHERE id = $1`, slug(name)).Scan(&o.ID, &o.Name)
	})
	if errors.Is(err, sql.ErrNoRows) || err == nil && (!o.Is(name) || !s.sees(o.ID)) {
		return Organization{}, fmt.Errorf("organization %q: %w", name, ErrNotFound)
	}
	return o, err
}

// CreateOrganization returns the organization of that name, made when it is
// not there.
func (s *Store) CreateOrganization(ctx context.Context, name string) (o Organization, err error) {
	err = s.update(ctx, func(t *tx) error {
		o, err = ensureOrganization(ctx, t, name)
		return err
	})
	return o, err
}

func ensureOrganization(ctx context.Context, t *tx, name string) (Organization, error) {
	name, err := checkName("organization", name)
	if err != nil {
		return Organization{}, err
	}
	want := Organization{ID: slug(name), Name: name}
	if want.ID == "" {
		return Organization{}, fmt.Errorf("organization %q: %w: its name needs a letter or a digit", name, ErrInvalid)
	}
	if !inScope(t.scope, want.ID) {
		return Organization{}, fmt.Errorf("organization %q: %w", name, ErrNotFound)
	}
	res, err := t.ExecContext(ctx, `INSERT INTO organizations (id, name, created) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		want.ID, want.Name, millis(t.now))
	if err != nil {
		return Organization{}, fmt.Errorf("cannot save organization: %w", err)
	}
	made, err := res.RowsAffected()
	if err != nil {
		return Organization{}, err
	}
	var got Organization
	if err := t.QueryRowContext(ctx, `SELECT id, name FROM organizations WHERE id = $1`, want.ID).Scan(&got.ID, &got.Name); err != nil {
		return Organization{}, fmt.Errorf("cannot read organization: %w", err)
	}
	// "St. Mary's" and "St Mary s" have one ID; to take one for the other
	// would put two organizations into one.
	if !got.Is(name) {
		return Organization{}, fmt.Errorf("organization %q: %w: %q has the same ID, %s: use that name, or one that differs in letters or digits",
			name, ErrConflict, got.Name, got.ID)
	}
	if made > 0 {
		return got, t.audit(ctx, got.ID, "organization.create", got.Name, nil)
	}
	return got, nil
}

// Is says that the words typed mean the organization: its ID, or its name, in
// which case and spaces do not matter.
func (o Organization) Is(typed string) bool {
	return typed == o.ID || strings.EqualFold(inventory.CleanText(typed), o.Name)
}

// slug is the name in lower case, with "-" for each run of what is neither a
// letter nor a digit.
func slug(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return strings.Join(words, "-")
}

// checkName returns the name cleaned of control characters and outer spaces.
func checkName(what, name string) (string, error) {
	clean := inventory.CleanText(name)
	switch {
	case clean == "":
		return "", fmt.Errorf("%s: %w: its name is empty", what, ErrInvalid)
	case len(clean) > maxName:
		return "", fmt.Errorf("%s %.40q…: %w: its name is longer than %d bytes", what, clean, ErrInvalid, maxName)
	}
	return clean, nil
}
