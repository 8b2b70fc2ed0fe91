package web

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/login"
	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
)

// maxBody bounds the body of a request that changes something, in bytes.
const maxBody = 64 << 10

// An action is what a person decides or says: by a form of the pages, which
// leads back to a page, or by the API with the same fields as a JSON object.
type action struct {
	name string // in the address of both
	// fields are what it takes, beside the organization.
	fields []string
	// do returns the page that shows what became of it.
	do func(s *server, ctx context.Context, in said) (back string, err error)
}

// said are the fields of an action; organization is the ID.
type said map[string]string

// fieldAuthor is who says it: the account where there is a login, and otherwise
// what people type.
const fieldAuthor = "author"

func (s *server) author(typed string) string {
	if s.loginOff {
		return typed
	}
	return s.who.Name
}

var (
	rmaFields   = []string{"rma_number", "case_number", "contract_number", "old_serial", "old_pid", "new_serial", "new_pid", "opened_on", "shipped_on", "return_by"}
	orderFields = []string{"order_number", "product_id", "serial", "quantity", "ordered_on", "completed_on"}
)

// actions are all that can be done.
func actions() []action {
	return []action{
		{"acknowledge", []string{"finding", "note", fieldAuthor}, (*server).acknowledge},
		{"unacknowledge", []string{"finding"}, (*server).unacknowledge},
		{"confirm_rma", append([]string{"finding", fieldAuthor}, rmaFields...), (*server).confirmRMA},
		{"reject_rma", []string{"finding", "reason", fieldAuthor}, (*server).rejectRMA},
		{"withdraw_rejection", []string{"old_serial", "new_serial"}, (*server).withdrawRejection},
		{"declare", []string{"serial", "pid", "kind", "reason", "date", "obtained", fieldAuthor}, (*server).declare},
		{"withdraw_declaration", []string{"serial", "pid"}, (*server).withdrawDeclaration},
		{"import", []string{"upload"}, (*server).importUpload},
		{"undo_import", []string{"import", fieldAuthor}, (*server).undoImport},
		{"save_rma", append([]string{"id", fieldAuthor}, rmaFields...), (*server).saveRMA},
		{"delete_rma", []string{"id"}, (*server).deleteRMA},
		{"save_order", append([]string{"id", fieldAuthor}, orderFields...), (*server).saveOrder},
		{"delete_order", []string{"id"}, (*server).deleteOrder},
		{"retire", []string{"kind", "name", "reason", "date", fieldAuthor}, (*server).retire},
		{"withdraw_retirement", []string{"kind", "name"}, (*server).withdrawRetirement},
		{"set_site", []string{"name", "street", "postal_code", "city", "state", "country"}, (*server).setSite},
	}
}

// A seeOther sends a browser to the page that shows what became of its form
// (RFC 9110, section 15.4.4), which it may load again without doing it again.
type seeOther string

// apiDone is the API's answer to an action.
type apiDone struct {
	Done string `json:"done"` // the action
	Page string `json:"page"` // the path that shows what became of it
}

// needs of an action: that one may see its organization. That one's role there
// is large enough is looked at when the organization is known.
func (action) needs() needs { return viewing }

// form answers a form of the pages.
func (a action) form(s *server, r *http.Request) (any, error) {
	in, err := formOf(r)
	if err != nil {
		return nil, err
	}
	back, err := a.perform(s, r, in)
	return seeOther(back), err
}

// formOf reads a form.
func formOf(r *http.Request) (said, error) {
	raw, err := bodyOf(r, "application/x-www-form-urlencoded")
	if err != nil {
		return nil, err
	}
	q, err := url.ParseQuery(string(raw))
	if err != nil {
		return nil, invalid("The form cannot be read: its characters are not written as %%XX.")
	}
	in := said{}
	for name, values := range q {
		in[name] = values[0]
	}
	return in, nil
}

// api answers a program.
func (a action) api(s *server, r *http.Request) (any, error) {
	in, err := objectOf(r)
	if err != nil {
		return nil, err
	}
	back, err := a.perform(s, r, in)
	return apiDone{a.name, back}, err
}

// objectOf reads a JSON object of texts and numbers.
func objectOf(r *http.Request) (said, error) {
	raw, err := bodyOf(r, "application/json")
	if err != nil {
		return nil, err
	}
	var object map[string]any
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	if err := d.Decode(&object); err != nil {
		return nil, invalid("The body is no JSON object: %v.", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, invalid("More follows the JSON object.")
	}
	in := said{}
	for name, value := range object {
		switch v := value.(type) {
		case string:
			in[name] = v
		case json.Number:
			in[name] = v.String()
		case nil:
		default:
			return nil, invalid("The value of %.40q is neither text nor a number.", name)
		}
	}
	return in, nil
}

// bodyOf reads a body of the type that the address takes.
func bodyOf(r *http.Request, want string) ([]byte, error) {
	if got, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); strings.TrimSpace(strings.ToLower(got)) != want {
		return nil, &failure{kind: kindMediaType, message: "This address takes " + want + " only."}
	}
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return nil, invalid("The body was cut off.")
	}
	if len(raw) > maxBody {
		return nil, &failure{kind: kindTooLarge, message: fmt.Sprintf("The body is larger than %d KiB.", maxBody>>10)}
	}
	return raw, nil
}

func (a action) perform(s *server, r *http.Request, in said) (string, error) {
	for name := range in {
		if name != "organization" && !slices.Contains(a.fields, name) {
			return "", invalid("There is no field %.40q: there are organization, %s.", name, strings.Join(a.fields, ", "))
		}
	}
	sc, err := s.scope(r.Context(), filter{Organization: in["organization"]})
	if err != nil {
		return "", err
	}
	if sc.Chosen == nil {
		return "", invalid("It is not said of which organization.")
	}
	if err := s.may(login.Editor, sc.id()); err != nil {
		return "", err
	}
	in["organization"] = sc.id()
	if slices.Contains(a.fields, fieldAuthor) {
		in[fieldAuthor] = s.author(in[fieldAuthor])
		if strings.TrimSpace(in[fieldAuthor]) == "" {
			return "", invalid("The field %q is empty: who says so is kept with it.", fieldAuthor)
		}
	}
	return a.do(s, r.Context(), in)
}

func (in said) org() string { return in["organization"] }

// number is a field that numbers something, 0 where it is empty.
func (in said) number(name string) (int64, error) {
	if in[name] == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(in[name], 10, 64)
	if err != nil || n < 1 {
		return 0, invalid("The field %q is %.40q, and no number.", name, in[name])
	}
	return n, nil
}

// aboutFinding is the finding that an action is about.
func (s *server) aboutFinding(ctx context.Context, in said) (store.Finding, error) {
	id, err := in.number("finding")
	if err != nil {
		return store.Finding{}, err
	}
	x, err := s.store.Finding(ctx, id)
	if err == nil && x.Organization != in.org() {
		err = store.ErrNotFound
	}
	return x, err
}

func findingURL(id int64) string { return "/findings/" + strconv.FormatInt(id, 10) }

func (s *server) acknowledge(ctx context.Context, in said) (string, error) {
	id, err := in.number("finding")
	if err != nil {
		return "", err
	}
	return findingURL(id), s.store.Acknowledge(ctx, in.org(), id, in[fieldAuthor], in["note"])
}

func (s *server) unacknowledge(ctx context.Context, in said) (string, error) {
	id, err := in.number("finding")
	if err != nil {
		return "", err
	}
	return findingURL(id), s.store.Unacknowledge(ctx, in.org(), id)
}

// rma is the replacement that the fields tell, over one that is known.
func (in said) rma(r contract.RMA) contract.RMA {
	for name, p := range map[string]*string{
		"rma_number": &r.RMANumber, "case_number": &r.CaseNumber, "contract_number": &r.Contract,
		"old_serial": &r.OldSerial, "old_pid": &r.OldPID, "new_serial": &r.NewSerial, "new_pid": &r.NewPID,
	} {
		if v := strings.TrimSpace(in[name]); v != "" {
			*p = v
		}
	}
	for name, p := range map[string]*contract.Date{"opened_on": &r.OpenedOn, "shipped_on": &r.ShippedOn, "return_by": &r.ReturnBy} {
		if v := strings.TrimSpace(in[name]); v != "" {
			*p = contract.Date(v)
		}
	}
	return r
}

func (s *server) confirmRMA(ctx context.Context, in said) (string, error) {
	x, err := s.aboutFinding(ctx, in)
	if err != nil {
		return "", err
	}
	found, ok := x.Replacement()
	if !ok {
		return "", invalid("Finding %d is not about a replacement.", x.ID)
	}
	_, err = s.store.ConfirmReplacement(ctx, in.org(), in.rma(found), in[fieldAuthor])
	return findingURL(x.ID), err
}

func (s *server) rejectRMA(ctx context.Context, in said) (string, error) {
	x, err := s.aboutFinding(ctx, in)
	if err != nil {
		return "", err
	}
	found, ok := x.Replacement()
	if !ok {
		return "", invalid("Finding %d is not about a replacement.", x.ID)
	}
	return findingURL(x.ID), s.store.RejectReplacement(ctx, in.org(), reconcile.Rejection{
		OldSerial: found.OldSerial, NewSerial: found.NewSerial, Author: in[fieldAuthor], Reason: in["reason"],
	})
}

func (s *server) withdrawRejection(ctx context.Context, in said) (string, error) {
	return recordsURL(in.org()), s.store.UnrejectReplacement(ctx, in.org(), in["old_serial"], in["new_serial"])
}

func (s *server) declare(ctx context.Context, in said) (string, error) {
	return unitURL(in.org(), in["pid"], in["serial"]), s.store.Declare(ctx, in.org(), reconcile.Declaration{
		Serial: in["serial"], PID: in["pid"], Kind: reconcile.DeclarationKind(in["kind"]), Author: in[fieldAuthor], Reason: in["reason"],
		Date: contract.Date(in["date"]), Obtained: contract.Date(in["obtained"]),
	})
}

func (s *server) withdrawDeclaration(ctx context.Context, in said) (string, error) {
	return unitURL(in.org(), in["pid"], in["serial"]), s.store.Undeclare(ctx, in.org(), in["serial"], in["pid"])
}

func (s *server) undoImport(ctx context.Context, in said) (string, error) {
	id, err := in.number("import")
	if err != nil {
		return "", err
	}
	_, err = s.store.UndoImport(ctx, in.org(), id, in[fieldAuthor])
	return recordsURL(in.org()), err
}

func (s *server) saveRMA(ctx context.Context, in said) (string, error) {
	id, err := in.number("id")
	if err != nil {
		return "", err
	}
	_, err = s.store.SaveRMA(ctx, in.org(), id, in.rma(contract.RMA{}), in[fieldAuthor])
	return recordsURL(in.org()) + "#rma", err
}

func (s *server) deleteRMA(ctx context.Context, in said) (string, error) {
	id, err := in.number("id")
	if err != nil {
		return "", err
	}
	return recordsURL(in.org()) + "#rma", s.store.DeleteRMA(ctx, in.org(), id)
}

func (s *server) saveOrder(ctx context.Context, in said) (string, error) {
	id, err := in.number("id")
	if err != nil {
		return "", err
	}
	quantity, err := in.number("quantity")
	if err != nil {
		return "", err
	}
	_, err = s.store.SaveOrder(ctx, in.org(), id, contract.Order{
		OrderNumber: in["order_number"], ProductID: in["product_id"], Serial: in["serial"], Quantity: int(min(quantity, 1<<30)),
		OrderedOn: contract.Date(in["ordered_on"]), CompletedOn: contract.Date(in["completed_on"]),
	}, in[fieldAuthor])
	return recordsURL(in.org()) + "#orders", err
}

func (s *server) deleteOrder(ctx context.Context, in said) (string, error) {
	id, err := in.number("id")
	if err != nil {
		return "", err
	}
	return recordsURL(in.org()) + "#orders", s.store.DeleteOrder(ctx, in.org(), id)
}

func (s *server) retire(ctx context.Context, in said) (string, error) {
	kind := reconcile.RetirementKind(in["kind"])
	if !slices.Contains(reconcile.RetirementKinds, kind) {
		return "", invalid("There is no kind %.40q: it is one of %s.", kind, join(reconcile.RetirementKinds))
	}
	return recordsURL(in.org()) + "#gone", s.store.Retire(ctx, in.org(), reconcile.Retirement{
		Kind: kind, Name: strings.TrimSpace(in["name"]), Author: in[fieldAuthor], Date: contract.Date(in["date"]), Reason: in["reason"],
	})
}

func (s *server) withdrawRetirement(ctx context.Context, in said) (string, error) {
	return recordsURL(in.org()) + "#gone", s.store.Unretire(ctx, in.org(), reconcile.RetirementKind(in["kind"]), in["name"])
}

func (s *server) setSite(ctx context.Context, in said) (string, error) {
	return recordsURL(in.org()) + "#sites", s.store.SetSite(ctx, in.org(), reconcile.Site{
		Name: in["name"], Street: in["street"], PostalCode: in["postal_code"], City: in["city"], State: in["state"], Country: in["country"],
	})
}
