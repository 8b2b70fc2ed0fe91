package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/intake"
	"rollcall/collector/internal/login"
	"rollcall/collector/internal/store"
)

// intakes bounds the files that are read at once: each may take several times its
// size in memory.
const intakes = 2

// uploadForm is where a person gives a file to import.
type uploadForm struct {
	Organization, ID, OrganizationURL, RecordsURL string
	MaxMiB                                        int
}

// uploadPreview says what an import would change.
type uploadPreview struct {
	uploadForm

	File, Text string
	Upload     string // "" when nothing of it can be used
}

func (s *server) uploadForm(sc scope) uploadForm {
	return uploadForm{
		Organization: sc.Chosen.Name, ID: sc.id(), OrganizationURL: filter{Organization: sc.id()}.url("/"), RecordsURL: recordsURL(sc.id()),
		MaxMiB: store.MaxUpload >> 20,
	}
}

// showUpload is the form for a file.
func (s *server) showUpload(r *http.Request) (any, error) {
	sc, err := s.chosen(r)
	if err != nil {
		return nil, err
	}
	if err := s.may(login.Editor, sc.id()); err != nil {
		return nil, err
	}
	return page{Template: "upload.html", Title: "Import a file · Rollcall", Menu: sc.menu(recordsRoom), Data: s.uploadForm(sc)}, nil
}

// previewUpload keeps the file for a while and says what an import of it would
// change; the action "import" then imports it.
func (s *server) previewUpload(r *http.Request) (any, error) {
	u, organization, err := readUpload(r)
	if err != nil {
		return nil, err
	}
	sc, err := s.scope(r.Context(), filter{Organization: organization})
	if err != nil {
		return nil, err
	}
	if sc.Chosen == nil {
		return nil, invalid("It is not said of which organization.")
	}
	if err := s.may(login.Editor, sc.id()); err != nil {
		return nil, err
	}
	f, release, err := s.intake(r.Context(), *sc.Chosen, u)
	if err != nil {
		return nil, err
	}
	defer release()
	text, err := f.Preview(r.Context(), s.store)
	if err != nil {
		return nil, err
	}
	p := uploadPreview{uploadForm: s.uploadForm(sc), File: f.Name, Text: text}
	if !f.Empty() {
		if p.Upload, err = s.store.SaveUpload(r.Context(), sc.id(), u); err != nil {
			return nil, err
		}
	}
	return page{Template: "preview.html", Title: "Import " + f.Name + " · Rollcall", Menu: sc.menu(recordsRoom), Data: p}, nil
}

// intake reads a file. What is wrong with it is the person's to mend, so it is
// told in full. release is called when the file is done with.
func (s *server) intake(ctx context.Context, o store.Organization, u store.Upload) (f intake.File, release func(), err error) {
	end := s.metrics.begin(reading)
	select {
	case s.intakes <- struct{}{}:
	case <-ctx.Done():
		end()
		return intake.File{}, nil, &failure{kind: kindBusy, message: "The collector is busy with other files. Try again in a minute."}
	}
	release = func() { <-s.intakes; end() }
	f, err = intake.Read(o, u.Kind, u.Name, bytes.NewReader(u.Content), u.Options)
	if err != nil {
		release()
		return intake.File{}, nil, invalid("%s.", upperFirst(err.Error()))
	}
	return f, release, nil
}

// importUpload imports a file that was looked at.
func (s *server) importUpload(ctx context.Context, in said) (string, error) {
	sc, err := s.scope(ctx, filter{Organization: in.org()})
	if err != nil {
		return "", err
	}
	u, err := s.store.Upload(ctx, in.org(), in["upload"])
	if errors.Is(err, store.ErrNotFound) {
		return "", notFound("The file is not kept any more: give it again, and import it within a day.")
	}
	if err != nil {
		return "", err
	}
	if _, err := s.keep(ctx, *sc.Chosen, u); err != nil {
		return "", err
	}
	return recordsURL(in.org()), s.store.DeleteUpload(ctx, in.org(), in["upload"])
}

// keep imports a file.
func (s *server) keep(ctx context.Context, o store.Organization, u store.Upload) (apiImported, error) {
	f, release, err := s.intake(ctx, o, u)
	if err != nil {
		return apiImported{}, err
	}
	defer release()
	if f.Empty() {
		return apiImported{}, invalid("Nothing was imported: %s", contract.Told(f.Name+" has no row that can be used", f.Refused))
	}
	text, err := f.Keep(ctx, s.store)
	return newAPIImported(text, f), err
}

// apiImported is the API's answer to a file: what it changed or would change,
// and what of it cannot be used.
type apiImported struct {
	Result   string             `json:"result"` // in words
	Imported bool               `json:"imported"`
	Refused  []contract.Refusal `json:"refused"`
	Warnings []contract.Refusal `json:"warnings"`
}

func newAPIImported(text string, f intake.File) apiImported {
	return apiImported{
		Result: strings.TrimSpace(text), Imported: true,
		Refused: append([]contract.Refusal{}, f.Refused...), Warnings: append([]contract.Refusal{}, f.Warnings...),
	}
}

// apiTakeFile takes a file as the body of a request; the query has what the form of
// the page has beside it, and preview=true to change nothing.
func (s *server) apiTakeFile(r *http.Request) (any, error) {
	q := r.URL.Query()
	sc, err := s.scope(r.Context(), filter{Organization: q.Get("organization")})
	if err != nil {
		return nil, err
	}
	if sc.Chosen == nil {
		return nil, invalid("It is not said of which organization: write ?organization=ID.")
	}
	if err := s.may(login.Editor, sc.id()); err != nil {
		return nil, err
	}
	content, err := readFile(r.Body)
	if err != nil {
		return nil, err
	}
	u, err := newUpload(q, q.Get("name"), content)
	if err != nil {
		return nil, err
	}
	if q.Get("preview") != "true" {
		return s.keep(r.Context(), *sc.Chosen, u)
	}
	f, release, err := s.intake(r.Context(), *sc.Chosen, u)
	if err != nil {
		return nil, err
	}
	defer release()
	text, err := f.Preview(r.Context(), s.store)
	a := newAPIImported(text, f)
	a.Imported = false
	return a, err
}

// readUpload reads the form of a file. Fields come before the file, as browsers
// send them in the order of the page.
func readUpload(r *http.Request) (u store.Upload, organization string, err error) {
	parts, err := r.MultipartReader()
	if err != nil {
		return u, "", &failure{kind: kindMediaType, message: "This address takes multipart/form-data only."}
	}
	fields := url.Values{}
	for {
		part, err := parts.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return u, "", invalid("There is no file: choose one.")
		case err != nil:
			return u, "", invalid("The form was cut off.")
		case len(fields) > 10:
			return u, "", invalid("The form has too many fields.")
		}
		if part.FormName() == "file" {
			content, err := readFile(part)
			if err != nil {
				return u, "", err
			}
			u, err = newUpload(fields, part.FileName(), content)
			return u, fields.Get("organization"), err
		}
		value, err := io.ReadAll(io.LimitReader(part, 1000))
		if err != nil {
			return u, "", invalid("The form was cut off.")
		}
		fields.Set(part.FormName(), string(value))
	}
}

func readFile(r io.Reader) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(r, store.MaxUpload+1))
	switch {
	case err != nil:
		return nil, invalid("The file was cut off: send it again.")
	case len(content) > store.MaxUpload:
		return nil, &failure{kind: kindTooLarge, message: fmt.Sprintf(
			"The file is larger than %d MiB. Import it on the collector's machine, with: rollcall-collector import", store.MaxUpload>>20)}
	case len(content) == 0:
		return nil, invalid("There is no file, or it is empty: choose one.")
	}
	return content, nil
}

// newUpload is a file with what is said of it.
func newUpload(said url.Values, name string, content []byte) (store.Upload, error) {
	kind := store.ContractImport
	if k := said.Get("kind"); k != "" {
		kind = store.ImportKind(k)
	}
	if !slices.Contains([]store.ImportKind{store.ContractImport, store.RMAImport, store.OrderImport}, kind) {
		return store.Upload{}, invalid("There is no kind of file %.40q: it is contract, rma or orders.", kind)
	}
	order := contract.DateOrder(said.Get("date_order"))
	if order != "" && order != contract.MonthFirst && order != contract.DayFirst {
		return store.Upload{}, invalid("There is no order of dates %.40q: it is mdy or dmy.", order)
	}
	if name == "" {
		name = "upload"
	}
	return store.Upload{
		Kind: kind, Name: name, Content: content,
		Options: contract.Options{DateOrder: order, Contract: strings.TrimSpace(said.Get("contract")), Sheet: said.Get("sheet")},
	}, nil
}
