package contract

import (
	"errors"
	"io"
	"path/filepath"

	"rollcall/pkg/inventory"
)

// An RMA is one replacement (Returned Materials Authorization) as the ledger
// that people keep has it.
type RMA struct {
	RMANumber  string `json:"rma_number"`
	CaseNumber string `json:"case_number"`
	Contract   string `json:"contract_number"`
	OldSerial  string `json:"old_serial"`
	OldPID     string `json:"old_pid"`
	NewSerial  string `json:"new_serial"` // "" while Cisco has not shipped
	NewPID     string `json:"new_pid"`
	OpenedOn   Date   `json:"opened_on"`
	ShippedOn  Date   `json:"shipped_on"`
	ReturnBy   Date   `json:"return_by"` // the old unit, to Cisco
	Row        int    `json:"row"`
	// Source is APISource for what Cisco's API gave, "" for what people
	// recorded.
	Source string `json:"source,omitempty"`
}

// An Order is one donated product as the ledger that people keep has it.
type Order struct {
	OrderNumber  string `json:"order_number"`
	Organization string `json:"organization"`
	ProductID    string `json:"product_id"`
	Serial       string `json:"serial"` // "" when not known
	Quantity     int    `json:"quantity"`
	OrderedOn    Date   `json:"ordered_on"`
	CompletedOn  Date   `json:"completed_on"` // all of it has arrived; "" while not
	Row          int    `json:"row"`
}

func rmaColumns() []fieldNames {
	return []fieldNames{
		{"rma_number", []string{"rma_number", "rma no", "rma #", "rma"}},
		{"case_number", []string{"case_number", "case no", "case #", "case id", "case", "tac case", "service request"}},
		{fieldContract, []string{"contract_number", "contract no", "contract #", "contract id", "contract"}},
		{"old_serial", []string{"old_serial", "old serial number", "returned serial", "returned serial number", "received serial number"}},
		{"old_pid", []string{"old_pid", "old product id", "returned pid", "returned product id", "received part no"}},
		{"new_serial", []string{"new_serial", "new serial number", "replacement serial", "replacement serial number", "shipped serial id", "shipped serial"}},
		{"new_pid", []string{"new_pid", "new product id", "replacement pid", "replacement product id", "shipped part no"}},
		{"opened_on", []string{"opened_on", "opened", "order date"}},
		{"shipped_on", []string{"shipped_on", "shipped", "ship date", "parts ship date"}},
		{"return_by", []string{"return_by", "return to cisco by", "return by date"}},
	}
}

func orderColumns() []fieldNames {
	return []fieldNames{
		{"order_number", []string{"order_number", "order no", "order #", "order id", "order", "techsoup order number"}},
		{"organization", []string{"organization", "organisation", "organization name", "organisation name"}},
		{"product_id", []string{"product_id", "product number", "pid", "part number", "sku"}},
		{fieldSerial, []string{"serial", "serial number", "sn", "serial no"}},
		{"quantity", []string{"quantity", "qty", "product quantity"}},
		{"ordered_on", []string{"ordered_on", "ordered", "order date"}},
		{"completed_on", []string{"completed_on", "completed", "order complete", "complete on", "received on"}},
	}
}

// ReadRMAs reads a ledger of replacements. It needs the columns old_serial and
// new_serial; rows that can't be used are refused by themselves.
func ReadRMAs(name string, r io.Reader, o Options) ([]RMA, []Refusal, error) {
	var all []RMA
	refused, err := readLedger(name, r, rmaColumns(), []string{"old_serial", "new_serial"}, func(e *entry) {
		rma := RMA{
			RMANumber: e.text("rma_number"), CaseNumber: e.text("case_number"), Contract: e.text(fieldContract),
			OldSerial: e.serial("old_serial"), OldPID: inventory.CleanPID(e.text("old_pid")),
			NewSerial: e.serial("new_serial"), NewPID: inventory.CleanPID(e.text("new_pid")),
			OpenedOn: e.date("opened_on"), ShippedOn: e.date("shipped_on"), ReturnBy: e.date("return_by"), Row: e.number,
		}
		switch rma.OldSerial {
		case "":
			e.refuse("old_serial", "the serial number that went back is needed")
		case rma.NewSerial:
			e.refuse("new_serial", "it is the serial number that went back: a replacement has another one, see the label or `show inventory`")
		}
		if e.refusal == nil {
			all = append(all, rma)
		}
	}, o)
	return all, refused, err
}

// ReadOrders reads a ledger of donated gear. It needs the columns order_number
// and product_id; rows that can't be used are refused by themselves.
func ReadOrders(name string, r io.Reader, o Options) ([]Order, []Refusal, error) {
	var all []Order
	refused, err := readLedger(name, r, orderColumns(), []string{"order_number", "product_id"}, func(e *entry) {
		order := Order{
			OrderNumber: e.text("order_number"), Organization: e.text("organization"),
			ProductID: inventory.CleanPID(e.text("product_id")), Serial: e.serial(fieldSerial), Quantity: 1,
			OrderedOn: e.date("ordered_on"), CompletedOn: e.date("completed_on"), Row: e.number,
		}
		if value := e.text("quantity"); value != "" {
			n, ok := quantity(value)
			if !ok {
				e.refuse("quantity", "it is not a number of products")
			}
			order.Quantity = n
		}
		switch {
		case order.OrderNumber == "":
			e.refuse("order_number", "an order needs its number")
		case order.Serial == "" && order.ProductID == "":
			e.refuse("product_id", "an order needs a product or a serial number")
		}
		if e.refusal == nil {
			all = append(all, order)
		}
	}, o)
	return all, refused, err
}

// An entry is a row of a ledger with the first thing that is wrong with it.
type entry struct {
	record
	order   DateOrder
	refusal *Refusal
}

func (e *entry) text(field string) string {
	v, _ := e.get(field)
	return v
}

func (e *entry) refuse(field, reason string) {
	if e.refusal == nil {
		value, header := e.get(field)
		r := e.record.refuse(header, value, reason)
		e.refusal = &r
	}
}

func (e *entry) serial(field string) string {
	value := e.text(field)
	s := inventory.CleanSerial(value)
	switch {
	case exponent.MatchString(value):
		e.refuse(field, "a spreadsheet turned the serial number into a number and lost digits")
	case e.kinds[e.column(field)] == cellDate:
		e.refuse(field, spoiltDate)
	case s != "" && !serialShape.MatchString(s):
		e.refuse(field, "it is not one serial number")
	}
	return s
}

func (e *entry) date(field string) Date {
	d, err := readDate(e.text(field), e.order)
	if err != nil {
		e.refuse(field, err.Error())
	}
	return d
}

// readLedger gives each row to each, after all of them have said which order
// the ledger's dates have.
func readLedger(name string, r io.Reader, columns []fieldNames, required []string, each func(*entry), o Options) ([]Refusal, error) {
	base := filepath.Base(name)
	t, err := openTable(base, r, spec{columns: columns, required: required, sheet: o.Sheet}, defaultLimits())
	if err != nil {
		return nil, err
	}
	var records []record
	monthFirst, dayFirst := false, false
	for {
		rec, err := t.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		for _, c := range rec.cells {
			switch orderOf(c) {
			case MonthFirst:
				monthFirst = true
			case DayFirst:
				dayFirst = true
			}
		}
		records = append(records, rec)
	}
	order := o.DateOrder
	switch {
	case order != OrderUnknown || monthFirst == dayFirst:
	case monthFirst:
		order = MonthFirst
	case dayFirst:
		order = DayFirst
	}
	var refused []Refusal
	for _, rec := range records {
		e := &entry{record: rec, order: order}
		if rec.fault != "" {
			refused = append(refused, rec.refuse("", rec.beginning(), rec.fault))
			continue
		}
		each(e)
		if e.refusal != nil {
			refused = append(refused, *e.refusal)
		}
	}
	return refused, nil
}
