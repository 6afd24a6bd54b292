package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/concordhq/concord/client"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

const (
	// maxRowBytes bounds a row: what the service takes as one message.
	maxRowBytes = 4 << 20
	// baseDigits is how much of a file's digest names its rows: enough that no two files are taken for one.
	baseDigits = 32
	// progressEvery is how often it is said how far an import has come.
	progressEvery = time.Second
)

// register is a file of agreements to import, and how far it has come.
type register struct {
	*session
	file  string
	lines int64 // in the file

	base string // of the rows' request ids
	from int64
	dry  bool

	settled, proposed, failed int64 // settled is the last line of which the end is known
	sent                      int64 // the last line that was read
}

func (s *session) importCommand() *cobra.Command {
	r := &register{session: s}
	cmd := &cobra.Command{
		Use: "import FILE", Short: "Propose agreements that were made elsewhere, with their past", Args: cobra.ExactArgs(1),
		Long: "Propose agreements that were made elsewhere, with their past: one ImportAgreementRequest in JSON a line. The other side\n" +
			"consents to text and past alike. Each line is done or refused by itself; those refused are told on standard error.\n\n" +
			"Repeating it is harmless: a line that was done is not done again. An import that was broken off says with which\n" +
			"--from-row to go on.",
		RunE: s.does(func(ctx context.Context, c *client.Client, args []string) error {
			r.file = args[0]
			return r.run(ctx, c)
		}),
	}
	cmd.Flags().StringVar(&r.base, "request-id", "", "what the request ids of the rows begin with; the file's digest if not given")
	cmd.Flags().BoolVar(&r.dry, "validate-only", false, "only check: say which rows would be refused, and change nothing")
	cmd.Flags().Int64Var(&r.from, "from-row", 1, "the line to begin with")
	return cmd
}

// run sends the file, says how far it has come, and what became of it in the end.
func (r *register) run(ctx context.Context, c *client.Client) error {
	if r.from < 1 {
		return usagef("--from-row begins at 1, not %d", r.from)
	}
	if err := r.survey(); err != nil {
		return err
	}
	if r.from > max(r.lines, 1) {
		return usagef("--from-row %d is behind the end: the file has %d lines", r.from, r.lines)
	}
	r.settled = r.from - 1
	said := time.Now()
	for answer, err := range c.Import(ctx, r.rows()) {
		if err != nil {
			fmt.Fprintf(r.errs, "broken off: go on with --from-row %d --request-id %s\n", r.settled+1, r.base)
			return err
		}
		r.proposed, r.failed, r.settled = r.proposed+answer.GetProposed(), r.failed+answer.GetFailed(), r.sent
		for _, e := range answer.GetErrors() {
			r.refused(e)
		}
		if now := time.Now(); now.Sub(said) >= progressEvery {
			said = now
			fmt.Fprintf(r.errs, "%d of %d rows, %d refused\n", r.settled, r.lines, r.failed)
		}
	}
	rows := r.proposed + r.failed
	done := "proposed"
	if r.dry {
		done = "would be proposed"
	}
	err := r.printOne(&pb.ImportAgreementsResponse{Rows: rows, Proposed: r.proposed, Failed: r.failed},
		[]fact{{"rows", fmt.Sprint(rows)}, {done, fmt.Sprint(r.proposed)}, {"refused", fmt.Sprint(r.failed)}})
	if err == nil && r.failed > 0 {
		err = errSaid
	}
	return err
}

// refused tells of a row that was refused.
func (r *register) refused(e *pb.RowError) {
	if r.output == outputJSON {
		if line, err := protojson.Marshal(e); err == nil {
			var b bytes.Buffer
			if json.Compact(&b, line) == nil {
				fmt.Fprintln(r.errs, b.String())
				return
			}
		}
	}
	text := fmt.Sprintf("row %d", e.GetRow())
	if e.GetAgreementId() != "" {
		text += " (" + e.GetAgreementId() + ")"
	}
	text += ": " + e.GetReason()
	if e.GetField() != "" {
		text += " " + e.GetField()
	}
	fmt.Fprintln(r.errs, clean(text+": "+e.GetDescription()))
}

// survey reads the file once, to know its length, and its name where none was given.
func (r *register) survey() error {
	f, err := os.Open(r.file)
	if err != nil {
		return fmt.Errorf("read the rows: %w", err)
	}
	defer func() { _ = f.Close() }()
	digest := sha256.New()
	buffer, last := make([]byte, 1<<16), byte('\n')
	for {
		n, err := f.Read(buffer)
		if n > 0 {
			digest.Write(buffer[:n])
			r.lines += int64(bytes.Count(buffer[:n], []byte{'\n'}))
			last = buffer[n-1]
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read the rows: %w", err)
		}
	}
	if last != '\n' {
		r.lines++
	}
	if r.base == "" {
		r.base = hex.EncodeToString(digest.Sum(nil))[:baseDigits]
	}
	return nil
}

// rows reads the file line by line. A line that is no row is refused here, and the rest goes on.
func (r *register) rows() iter.Seq2[*pb.ImportAgreementRequest, error] {
	return func(yield func(*pb.ImportAgreementRequest, error) bool) {
		f, err := os.Open(r.file)
		if err != nil {
			yield(nil, fmt.Errorf("read the rows: %w", err))
			return
		}
		defer func() { _ = f.Close() }()
		in := bufio.NewReaderSize(f, 1<<16)
		for number := int64(1); ; number++ {
			line, err := readLine(in)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil && !errors.Is(err, errLongLine) {
				yield(nil, fmt.Errorf("read the rows: %w", err))
				return
			}
			if number < r.from || err == nil && len(bytes.TrimSpace(line)) == 0 {
				continue
			}
			row, wrong := r.row(number, line, err)
			if wrong != nil {
				r.failed++
				r.refused(wrong)
				continue
			}
			r.sent = number
			if !yield(row, nil) {
				return
			}
		}
	}
}

// row reads a line.
func (r *register) row(number int64, line []byte, err error) (*pb.ImportAgreementRequest, *pb.RowError) {
	row := &pb.ImportAgreementRequest{}
	if err == nil {
		err = protojson.Unmarshal(line, row)
	}
	row.Row, row.RequestId, row.ValidateOnly = number, fmt.Sprintf("%s:%d", r.base, number), r.dry
	if err == nil && proto.Size(row) > maxRowBytes {
		err = errLongLine
	}
	if err != nil {
		return nil, &pb.RowError{Row: number, Reason: "MALFORMED_REQUEST", Description: err.Error()}
	}
	return row, nil
}

var errLongLine = fmt.Errorf("a row has at most %d bytes", maxRowBytes)

// readLine reads a line without its end. Of one that is too long it reads all and keeps nothing.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	long := false
	for {
		part, err := in.ReadSlice('\n')
		if !long {
			line = append(line, part...)
			if long = len(line) > 2*maxRowBytes; long { // JSON is longer than what it says
				line = nil
			}
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(line) == 0 && !long:
			return nil, io.EOF
		case err != nil && !errors.Is(err, io.EOF):
			return nil, err
		case long:
			return nil, errLongLine
		}
		return bytes.TrimRight(line, "\r\n"), nil
	}
}
