package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// ErrTooLarge is returned by DecodeBatch for a body beyond MaxCompressed or
// MaxDecoded, and ErrSchema for one of another schema.
var (
	ErrTooLarge = errors.New("batch is too large")
	ErrSchema   = errors.New("schema is not " + BatchSchema)
)

// EncodeBatch returns the batch as compressed JSON.
func EncodeBatch(b Batch) ([]byte, error) {
	b.Schema = BatchSchema
	raw, err := json.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("cannot encode batch: %w", err)
	}
	if len(raw) > MaxDecoded {
		return nil, fmt.Errorf("cannot encode batch: %d bytes: %w", len(raw), ErrTooLarge)
	}
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("cannot compress batch: %w", err)
	}
	defer func() { _ = enc.Close() }()
	out := enc.EncodeAll(raw, nil)
	if len(out) > MaxCompressed {
		return nil, fmt.Errorf("cannot encode batch: %d bytes compressed: %w", len(out), ErrTooLarge)
	}
	return out, nil
}

// DecodeBatch reads one batch with a Decoder of its own.
func DecodeBatch(r io.Reader) (Batch, error) {
	var d Decoder
	defer d.Close()
	return d.Decode(r)
}

// A Decoder reads batches one after the other and keeps its memory, at most
// about 2 * MaxDecoded, from one to the next: a server whose buffers were new
// each time would hold many of them until they are collected. The zero value is
// ready. It is not for concurrent use.
type Decoder struct {
	zstd *zstd.Decoder
	raw  bytes.Buffer
}

// Close releases the memory. The decoder may be used again.
func (d *Decoder) Close() {
	if d.zstd != nil {
		d.zstd.Close()
	}
	*d = Decoder{}
}

// Decode reads a compressed batch, never holding more than MaxDecoded bytes of
// it. It checks the schema and the number of reports; each report is checked by
// Report.Validate, so that a bad one is refused alone.
func (d *Decoder) Decode(r io.Reader) (Batch, error) {
	raw, err := d.decompress(r)
	if err != nil {
		return Batch{}, err
	}
	if err := checkValues(raw); err != nil {
		return Batch{}, err
	}
	var b Batch
	if err := json.Unmarshal(raw, &b); err != nil {
		return Batch{}, fmt.Errorf("cannot decode batch: %w", err)
	}
	if b.Schema != BatchSchema {
		return Batch{}, fmt.Errorf("schema %.40q: %w", b.Schema, ErrSchema)
	}
	if len(b.Reports) > MaxReports {
		return Batch{}, fmt.Errorf("%d reports, at most %d: %w", len(b.Reports), MaxReports, ErrTooLarge)
	}
	return b, nil
}

// decompress returns bytes that are the decoder's until its next use.
func (d *Decoder) decompress(r io.Reader) ([]byte, error) {
	compressed, err := io.ReadAll(io.LimitReader(r, MaxCompressed+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read batch: %w", err)
	}
	if len(compressed) > MaxCompressed {
		return nil, fmt.Errorf("more than %d bytes on the line: %w", MaxCompressed, ErrTooLarge)
	}
	if d.zstd == nil {
		if d.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxMemory(MaxDecoded), zstd.WithDecoderMaxWindow(8<<20)); err != nil {
			return nil, fmt.Errorf("cannot decompress batch: %w", err)
		}
	}
	if err := d.zstd.Reset(bytes.NewReader(compressed)); err != nil {
		return nil, fmt.Errorf("cannot decompress batch: %w", err)
	}
	d.raw.Reset()
	// A frame may lie about its size, but not in a way that helps anybody.
	var h zstd.Header
	if err := h.Decode(compressed); err == nil && h.HasFCS && h.FrameContentSize > MaxDecoded {
		return nil, fmt.Errorf("%d bytes decompressed: %w", h.FrameContentSize, ErrTooLarge)
	}
	// Room for the largest at once: the system gives what is used of it, and to
	// grow in steps would take twice as much.
	d.raw.Grow(MaxDecoded + 1 + bytes.MinRead)
	_, err = d.raw.ReadFrom(io.LimitReader(d.zstd, MaxDecoded+1))
	switch {
	case errors.Is(err, zstd.ErrDecoderSizeExceeded), errors.Is(err, zstd.ErrWindowSizeExceeded), d.raw.Len() > MaxDecoded:
		return nil, fmt.Errorf("more than %d bytes decompressed: %w", MaxDecoded, ErrTooLarge)
	case err != nil:
		return nil, fmt.Errorf("cannot decompress batch: %w", err)
	}
	return d.raw.Bytes(), nil
}

// Validate says what is wrong with a report, or nil. A report that fails here
// will fail for ever, so the agent sets it aside.
func (r Report) Validate() error {
	switch {
	case r.ReportID == "" || len(r.ReportID) > 64:
		return errors.New("report_id is empty or longer than 64 bytes")
	case r.Device.Address == "" || len(r.Device.Address) > 255:
		return errors.New("device.address is empty or longer than 255 bytes")
	case r.PolledAt.IsZero():
		return errors.New("polled_at is missing")
	case r.Seq <= 0 || r.Epoch <= 0:
		return errors.New("epoch and seq must be above 0")
	case len(r.Device.Components) > MaxComponents:
		return fmt.Errorf("%d components, at most %d", len(r.Device.Components), MaxComponents)
	}
	for i, c := range r.Device.Components {
		if c.Serial == "" {
			return fmt.Errorf("component %d (pid %.40q) has no serial", i, c.PID)
		}
	}
	return nil
}
