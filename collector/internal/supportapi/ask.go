package supportapi

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"strconv"
	"strings"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/store"
)

// rmaDays is how far back the RMAs of a user are asked for, in days. Without a
// date the API answers for the last 30.
const rmaDays = 180

// answers are what an API says of the subjects asked: of those in neither map it
// says nothing.
type answers struct {
	known map[string]any    // by subject: store.SupportAnswer.Content
	bad   map[string]string // by subject: why what it says can't be used
}

// inPath puts inputs into the path of an address, each by itself.
func inPath(base, path string, inputs []string) string {
	escaped := make([]string, len(inputs))
	for i, s := range inputs {
		escaped[i] = url.PathEscape(s)
	}
	return strings.TrimRight(base, "/") + path + strings.Join(escaped, ",")
}

// pages asks for pages until the last.
func (c *Client) pages(ctx context.Context, api store.SupportAPI, address func(page int) string, read func(body []byte) (page, error)) error {
	for n := 1; ; n++ {
		var at page
		err := c.get(ctx, api, address(n), func(body []byte) (err error) {
			at, err = read(body)
			return err
		})
		if err != nil {
			return err
		}
		if n >= at.last {
			return nil
		}
		if n == maxPages {
			return &Error{Kind: TooMuch, API: api, Text: "the answer has more than " + strconv.Itoa(maxPages) + " pages"}
		}
	}
}

// coverage asks SN2Info for at most maxSerials serials: for the summary, which
// has contract, end and product, and for whose contract it is.
func (c *Client) coverage(ctx context.Context, serials []string) (answers, error) {
	var rows []json.RawMessage
	read := func(body []byte) (page, error) {
		some, at, err := decodeCoverage(body)
		if err == nil {
			rows = append(rows, some...)
		}
		return at, err
	}
	summary := inPath(c.o.CoverageURL, "/coverage/summary/serial_numbers/", serials)
	if err := c.pages(ctx, store.CoverageAPI, func(n int) string { return summary + "?page_index=" + strconv.Itoa(n) }, read); err != nil {
		return answers{}, err
	}
	owner := inPath(c.o.CoverageURL, "/coverage/owner_status/serial_numbers/", serials)
	err := c.pages(ctx, store.CoverageAPI, func(int) string { return owner }, func(body []byte) (page, error) {
		_, err := read(body)
		return page{}, err
	})
	var e *Error
	if err != nil && (!errors.As(err, &e) || e.Kind != Forbidden) { // not every account may ask
		return answers{}, err
	}
	known, bad, err := lookups(rows, serials, c.o.Now())
	if err != nil {
		return answers{}, err
	}
	a := answers{map[string]any{}, bad}
	for _, serial := range serials {
		l, ok := known[serial]
		if !ok { // it was asked for, and that is all
			l = contract.Lookup{Serial: serial, Source: contract.APISource}
		}
		a.known[serial] = l
	}
	return a, nil
}

// eox asks EoX for at most maxPIDs products.
func (c *Client) eox(ctx context.Context, pids []string) (answers, error) {
	a := answers{map[string]any{}, map[string]string{}}
	for _, pid := range pids {
		a.known[pid] = contract.Product{PID: pid}
	}
	address := func(n int) string {
		return inPath(c.o.EoXURL, "/EOXByProductID/"+strconv.Itoa(n)+"/", pids) + "?responseencoding=json"
	}
	err := c.pages(ctx, store.EoXAPI, address, func(body []byte) (page, error) {
		known, bad, at, err := decodeEoX(body, pids)
		if err != nil {
			return at, err
		}
		for pid, p := range known {
			if before, _ := a.known[pid].(contract.Product); before.LastSupport <= p.LastSupport {
				a.known[pid] = p
			}
		}
		maps.Copy(a.bad, bad)
		return at, nil
	})
	return a, err
}

// rma asks for one RMA by its number, or for those of a user.
func (c *Client) rma(ctx context.Context, subject string) (answers, error) {
	all := []contract.RMA{}
	read := func(body []byte) (page, error) {
		some, at, err := decodeRMA(body)
		if err == nil {
			all = append(all, some...)
		}
		return at, err
	}
	address := func(int) string { return inPath(c.o.RMAURL, "/returns/rma_numbers/", []string{subject}) }
	if user, ok := strings.CutPrefix(subject, store.RMAUser); ok {
		today := contract.DateOf(c.o.Now())
		address = func(n int) string {
			return inPath(c.o.RMAURL, "/returns/users/user_ids/", []string{user}) + "?" + url.Values{
				"fromDate": {string(today.AddDays(-rmaDays))}, "toDate": {string(today)}, "pageIndex": {strconv.Itoa(n)},
			}.Encode()
		}
	}
	err := c.pages(ctx, store.RMAAPI, address, read)
	return answers{known: map[string]any{subject: all}}, err
}

// ask asks an API for as many subjects as fit into a call.
func (c *Client) ask(ctx context.Context, api store.SupportAPI, subjects []string) (answers, error) {
	switch api {
	case store.CoverageAPI:
		return c.coverage(ctx, subjects)
	case store.EoXAPI:
		return c.eox(ctx, subjects)
	}
	return c.rma(ctx, subjects[0])
}

// fits is how many subjects fit into a call.
func fits(api store.SupportAPI) int {
	switch api {
	case store.CoverageAPI:
		return maxSerials
	case store.EoXAPI:
		return maxPIDs
	}
	return 1
}
