package supportapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"rollcall/collector/internal/contract"
	"rollcall/pkg/inventory"
)

// noRecords are the codes of an answer that there is nothing to answer with.
var noRecords = []string{"NO_RECORDS_FOUND", "SVO_NO_RECORDS"}

// notAnnounced are the codes of EoX for "no end of life is announced": by
// product, and by serial number.
var notAnnounced = []string{"SSA_ERR_026", "SSA_ERR_023"}

// A page says which of the pages of an answer one is, and which is the last; 0 where
// the answer does not say.
type page struct{ index, last int }

// A pagination is that of an API; each writes it in its own way, and field names
// are matched without case.
type pagination struct {
	SnIndex  number `json:"page_index"`
	SnLast   number `json:"last_index"`
	AnyIndex number `json:"PageIndex"`
	AnyLast  number `json:"LastIndex"`
}

func (p pagination) page() page { return page{int(p.SnIndex + p.AnyIndex), int(p.SnLast + p.AnyLast)} }

// number reads numbers that are text in some of the APIs.
type number int

// UnmarshalJSON takes 1 and "1"; anything else is 0.
func (n *number) UnmarshalJSON(raw []byte) error {
	*n = 0
	var v json.Number
	if json.Unmarshal(bytes.Trim(raw, `"`), &v) == nil {
		if i, err := v.Int64(); err == nil && i >= 0 && i < 1<<30 {
			*n = number(i)
		}
	}
	return nil
}

// text reads text that is a number in some of the APIs, and null.
type text string

// UnmarshalJSON takes "1", 1 and null; anything else is "".
func (t *text) UnmarshalJSON(raw []byte) error {
	var s string
	var n json.Number
	switch {
	case json.Unmarshal(raw, &s) == nil:
		*t = text(inventory.CleanText(s))
	case json.Unmarshal(raw, &n) == nil:
		*t = text(n)
	default:
		*t = ""
	}
	return nil
}

// A few is a list, or one of its elements by itself, or null, "" and the like
// for none: the APIs write all of them.
type few[T any] []T

// UnmarshalJSON takes a list and a single element.
func (f *few[T]) UnmarshalJSON(raw []byte) error {
	raw = bytes.TrimSpace(raw)
	*f = nil
	switch {
	case bytes.HasPrefix(raw, []byte("[")):
		return json.Unmarshal(raw, (*[]T)(f))
	case bytes.HasPrefix(raw, []byte("{")):
		var one T
		if err := json.Unmarshal(raw, &one); err != nil {
			return err
		}
		*f = few[T]{one}
	}
	return nil
}

// one is the first, or the zero value.
func (f few[T]) one() T {
	var zero T
	if len(f) == 0 {
		return zero
	}
	return f[0]
}

// torn is the error of an answer that is no whole JSON, or another one.
func torn(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	return &Error{Kind: Failed, Text: "the answer is cut or of another shape"}
}

// refusal makes an error of what stands in a 200 in the place of an answer, or
// nil. What none of the known codes says is a failure: no answer is made of it.
func refusal(body []byte) *Error {
	code, words := errorIn(body)
	switch {
	case code == "" && words == "", slices.Contains(noRecords, code), slices.Contains(notAnnounced, code):
		return nil
	case isTooMuch(code):
		return &Error{Kind: TooMuch, Status: 200, Code: code, Text: words}
	case strings.HasPrefix(code, "API_INVALID"), strings.HasPrefix(code, "API_MISSING"), code == "SSA_ERR_010", strings.HasSuffix(code, "FORMAT_ERROR"):
		return &Error{Kind: Refused, Status: 200, Code: code, Text: words}
	case code == "API_NOTAUTHORIZED":
		return &Error{Kind: Forbidden, Status: 200, Code: code, Text: words}
	}
	return &Error{Kind: Failed, Status: 200, Code: code, Text: words}
}

// decodeCoverage reads an answer of SN2Info: status, owner status or summary.
// The rows are for lookups.
func decodeCoverage(body []byte) ([]json.RawMessage, page, error) {
	var answer struct {
		Rows       *few[json.RawMessage] `json:"serial_numbers"`
		Pagination few[pagination]       `json:"pagination_response_record"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, page{}, torn(err)
	}
	if answer.Rows != nil && len(*answer.Rows) > 0 {
		return *answer.Rows, answer.Pagination.one().page(), nil
	}
	if e := refusal(body); e != nil {
		return nil, page{}, e
	}
	if code, _ := errorIn(body); answer.Rows == nil && code == "" {
		return nil, page{}, &Error{Kind: Failed, Text: "the answer has no serial_numbers"}
	}
	return nil, answer.Pagination.one().page(), nil
}

// lookups says what rows of SN2Info say of the serials asked; bad are those of
// which a row can't be used, with why. The reader of saved answers does it: rows
// with an error in them, a product as an object or a list, dates, and several
// rows of one serial.
func lookups(rows []json.RawMessage, asked []string, at time.Time) (known map[string]contract.Lookup, bad map[string]string, err error) {
	known, bad = map[string]contract.Lookup{}, map[string]string{}
	if len(rows) > 0 {
		whole, err := json.Marshal(map[string]any{"serial_numbers": rows})
		if err != nil {
			return nil, nil, torn(err)
		}
		f, err := contract.Read("the answer", bytes.NewReader(whole), contract.Options{})
		if err != nil || !f.Partial {
			return nil, nil, &Error{Kind: Failed, Text: "the answer has none of the fields of SN2Info"}
		}
		for _, l := range f.Lookups(at, contract.APISource) {
			known[l.Serial] = l
		}
		for _, r := range f.Refused {
			bad[r.Serial] = clip(r.Reason)
		}
	}
	for serial := range known { // nothing is taken of what was not asked for
		if !slices.Contains(asked, serial) || bad[serial] != "" {
			delete(known, serial)
		}
	}
	return known, bad, nil
}

// An eoxDate is {"value": "2025-10-31", "dateFormat": "YYYY-MM-DD"}, the value
// "" when it is not announced.
type eoxDate struct {
	few[struct {
		Value text `json:"value"`
	}]
}

func (d eoxDate) date() (contract.Date, error) {
	value := string(d.one().Value)
	if value == "" {
		return "", nil
	}
	return contract.ParseDate(value)
}

// decodeEoX reads an answer of EoX by product. It returns the products of those
// asked that it answers for, and those whose record says an error.
func decodeEoX(body []byte, asked []string) (known map[string]contract.Product, bad map[string]string, where page, err error) {
	var answer struct {
		Pagination few[pagination] `json:"PaginationResponseRecord"`
		Records    *few[struct {
			PID      text `json:"EOLProductID"`
			Input    text `json:"EOXInputValue"`
			Bulletin text `json:"ProductBulletinNumber"`

			Announced   eoxDate         `json:"EOXExternalAnnouncementDate"`
			EndOfSale   eoxDate         `json:"EndOfSaleDate"`
			LastSupport eoxDate         `json:"LastDateOfSupport"`
			Problem     json.RawMessage `json:"EOXError"`
		}] `json:"EOXRecord"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, nil, page{}, torn(err)
	}
	if answer.Records == nil || len(*answer.Records) == 0 {
		if e := refusal(body); e != nil {
			return nil, nil, page{}, e
		}
		if code, _ := errorIn(body); answer.Records == nil && code == "" {
			return nil, nil, page{}, &Error{Kind: Failed, Text: "the answer has no EOXRecord"}
		}
	}
	where = answer.Pagination.one().page()
	known, bad = map[string]contract.Product{}, map[string]string{}
	if answer.Records == nil {
		return known, bad, where, nil
	}
	for _, r := range *answer.Records {
		p := contract.Product{Bulletin: string(r.Bulletin)}
		var errs [3]error
		p.Announced, errs[0] = r.Announced.date()
		p.EndOfSale, errs[1] = r.EndOfSale.date()
		p.LastSupport, errs[2] = r.LastSupport.date()
		problem := ""
		if code, words := errorWithin(r.Problem, 0); code != "" && !slices.Contains(notAnnounced, code) {
			problem = clip(code + ": " + words)
		} else if err := errors.Join(errs[:]...); err != nil {
			problem = clip(err.Error())
		}
		for _, pid := range inputs(string(r.Input), string(r.PID), asked) {
			if problem != "" {
				bad[pid] = problem
				continue
			}
			p.PID = pid
			if was, twice := known[pid]; twice && was.LastSupport > p.LastSupport {
				continue // of several records the latest day counts, as for lines
			}
			known[pid] = p
		}
	}
	return known, bad, where, nil
}

// inputs are the products asked that a record is of: its input, which may list
// several, or else its own product.
func inputs(input, pid string, asked []string) []string {
	var all []string
	for _, x := range append(strings.Split(input, ","), pid) {
		x = strings.ToUpper(strings.TrimSpace(x))
		if len(all) > 0 && x == strings.ToUpper(pid) {
			break
		}
		if slices.Contains(asked, x) && !slices.Contains(all, x) {
			all = append(all, x)
		}
	}
	return all
}

type rmaRecords struct {
	Records few[rmaRecord] `json:"RmaRecord"`
}

// A rmaRecord has of an RMA what a replacement needs: no names, no addresses
// and no telephone numbers are read.
type rmaRecord struct {
	Number   text `json:"rmaNo"`
	Ordered  text `json:"orderDate"`
	Case     text `json:"caseId"`
	Contract text `json:"contractId"`
	Customer few[struct {
		Serial text `json:"customerProvidedSN"`
	}] `json:"customerRefInfo"`
	Shipped few[struct {
		Lines few[struct {
			PID    text `json:"shippedPartNo"`
			Serial text `json:"shippedSerialID"`
			Date   text `json:"partsShipDate"`
		}] `json:"partsLineDetails"`
	}] `json:"replacementParts"`
	Returned few[struct {
		Lines few[struct {
			PID    text `json:"receivedPartNo"`
			Serial text `json:"receivedSerialNumber"`
			By     text `json:"returnToCiscoBy"`
		}] `json:"returnParts"`
	}] `json:"returnLines"`
}

// decodeRMA reads an answer of the RMA API, by number or by user.
func decodeRMA(body []byte) ([]contract.RMA, page, error) {
	var answer struct {
		Pagination few[pagination]  `json:"APIPagination"`
		Returns    *few[rmaRecords] `json:"returns"`
		Orders     *few[rmaRecords] `json:"OrderList"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, page{}, torn(err)
	}
	var records []rmaRecord
	if answer.Returns != nil {
		records = append(records, answer.Returns.one().Records...)
	}
	if answer.Orders != nil {
		records = append(records, answer.Orders.one().Records...)
	}
	if len(records) == 0 {
		if e := refusal(body); e != nil {
			return nil, page{}, e
		}
		if code, _ := errorIn(body); answer.Returns == nil && answer.Orders == nil && code == "" {
			return nil, page{}, &Error{Kind: Failed, Text: "the answer has no returns"}
		}
	}
	all := []contract.RMA{}
	for _, r := range records {
		all = append(all, r.replacements()...)
	}
	return all, answer.Pagination.one().page(), nil
}

// replacements pairs what came with what went: where there is one of each, or
// one of each product. A pair that is not sure would make a wrong swap, so what
// went then stands alone.
func (r rmaRecord) replacements() []contract.RMA {
	var all []contract.RMA
	base := contract.RMA{
		RMANumber: string(r.Number), CaseNumber: string(r.Case), Contract: string(r.Contract), OpenedOn: dayIn(r.Ordered), Source: contract.APISource,
	}
	sent, back := r.Shipped.one().Lines, r.Returned.one().Lines
	for _, went := range back {
		x := base
		x.OldSerial, x.OldPID, x.ReturnBy = inventory.CleanSerial(string(went.Serial)), inventory.CleanPID(string(went.PID)), dayIn(went.By)
		if x.OldSerial == "" && len(back) == 1 { // it has not arrived yet
			x.OldSerial = inventory.CleanSerial(string(r.Customer.one().Serial))
		}
		of := func(pid text) bool { return inventory.MatchPID(string(pid)) == inventory.MatchPID(string(went.PID)) }
		mine, others := 0, 0
		for _, came := range sent {
			if !of(came.PID) && (len(sent) > 1 || len(back) > 1) {
				continue
			}
			mine++
			x.NewSerial, x.NewPID, x.ShippedOn = inventory.CleanSerial(string(came.Serial)), inventory.CleanPID(string(came.PID)), dayIn(came.Date)
		}
		for _, other := range back {
			if of(other.PID) {
				others++
			}
		}
		if mine != 1 || others != 1 {
			x.NewSerial, x.NewPID, x.ShippedOn = "", "", ""
		}
		if x.OldSerial != "" {
			all = append(all, x)
		}
	}
	return all
}

// dayIn is the day that a date or a time says beyond doubt, or "".
func dayIn(t text) contract.Date {
	s, _, _ := strings.Cut(strings.Replace(string(t), "T", " ", 1), " ")
	for _, layout := range []string{time.DateOnly, "02-Jan-2006", "2006/01/02"} {
		if d, err := time.Parse(layout, s); err == nil {
			return contract.DateOf(d)
		}
	}
	return ""
}
