package e2e_test

import (
	"bytes"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// Canaries are secrets that may turn up nowhere: each is planted where one of its
// kind belongs, or where a device or a client says it.
type canaries map[string]string

var apiToken = regexp.MustCompile(`rct_[A-Za-z0-9_-]{43}`)

func newCanaries() canaries {
	c := canaries{}
	for _, name := range []string{
		"community", "wrong-community", "v3-auth", "v3-priv", "ssh-password", "enable", "netbox-token", "proxy-password", "collector-userinfo",
		"client-id", "client-secret", "dsn-password", "bearer", "basic", "cookie", "login-password", "account-password", "show-community", "show-password",
		"mail-password", "oidc-secret",
	} {
		c[name] = "cnry" + rand.Text()[:12]
	}
	return c
}

// hits tells which canaries a text has, as they are or in base64, and where the
// first is.
func (c canaries) hits(text []byte) (found []string) {
	for _, name := range slices.Sorted(maps.Keys(c)) {
		for _, form := range forms(c[name]) {
			if i := bytes.Index(text, []byte(form)); i >= 0 {
				around := text[max(0, i-80):min(len(text), i+len(form)+20)]
				found = append(found, fmt.Sprintf("%s in %q", name, around))
			}
		}
	}
	return found
}

// forms are a secret, and what of its base64 does not hang on what stands around
// it, as in a header of HTTP and in a login of SMTP.
func forms(secret string) []string {
	all := []string{secret}
	for before := range 3 {
		text := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat(" ", before) + secret))
		whole := (before + len(secret)) / 3 * 4 // characters that nothing behind changes
		all = append(all, text[(before*8+5)/6:whole])
	}
	return all
}

// cellsOf are all that is in the tables of a database, unpacked: a spool keeps
// reports compressed.
func cellsOf(t *testing.T, path string) (all []byte) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	unpack, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer unpack.Close()
	column := func(query string) (cells [][]byte) {
		rows, err := db.Query(query)
		if err != nil {
			t.Fatalf("%s: %s: %v", path, query, err)
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var cell []byte
			if err := rows.Scan(&cell); err != nil {
				t.Fatalf("%s: %s: %v", path, query, err)
			}
			cells = append(cells, cell)
		}
		if err := rows.Err(); err != nil {
			t.Fatalf("%s: %s: %v", path, query, err)
		}
		return cells
	}
	for _, table := range column(`SELECT name FROM sqlite_master WHERE type = 'table'`) {
		for _, name := range column(fmt.Sprintf(`SELECT name FROM pragma_table_info('%s')`, table)) {
			for _, cell := range column(fmt.Sprintf(`SELECT CAST("%s" AS BLOB) FROM "%s"`, name, table)) {
				if plain, err := unpack.DecodeAll(cell, nil); err == nil {
					cell = plain
				}
				all = append(append(all, cell...), '\n')
			}
		}
	}
	return all
}
