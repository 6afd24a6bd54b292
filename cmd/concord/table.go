package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strings"
	"text/tabwriter"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// rowsAtOnce is how many rows share their column widths: a list of any length needs memory for that many only.
const rowsAtOnce = 500

// column is one column of a table of things.
type column[T any] struct {
	head string
	cell func(T) string
}

// printList prints a list as it arrives: a table, or one JSON object per line.
func printList[T proto.Message](s *session, list iter.Seq2[T, error], columns []column[T]) error {
	if s.output == outputJSON {
		for item, err := range list {
			if err != nil {
				return err
			}
			if err := s.line(item); err != nil {
				return err
			}
		}
		return nil
	}
	return printTable(s.out, list, columns)
}

// printTable prints a table as its rows arrive.
func printTable[T any](out io.Writer, list iter.Seq2[T, error], columns []column[T]) error {
	w := tabs(out)
	row := func(cell func(column[T]) string) {
		cells := make([]string, len(columns))
		for i, c := range columns {
			cells[i] = clean(cell(c))
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	head := func(c column[T]) string { return c.head }
	rows := 0
	for item, err := range list {
		if err != nil {
			return firstError(w.Flush(), err)
		}
		if rows == 0 {
			row(head)
		}
		row(func(c column[T]) string { return c.cell(item) })
		if rows++; rows%rowsAtOnce == 0 {
			if err := w.Flush(); err != nil {
				return fmt.Errorf("write the table: %w", err)
			}
		}
	}
	if rows == 0 {
		// An empty table says that there was an answer, and nothing in it.
		row(head)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write the table: %w", err)
	}
	return nil
}

// fact is one line about a thing.
type fact struct{ name, value string }

// printOne prints a thing: as facts, leaving out those with nothing to say, or as JSON.
func (s *session) printOne(m proto.Message, facts []fact) error {
	if s.output == outputJSON {
		return s.object(m)
	}
	return printFacts(s.out, facts)
}

func printFacts(out io.Writer, facts []fact) error {
	w := tabs(out)
	for _, f := range facts {
		if f.value != "" {
			fmt.Fprintf(w, "%s\t%s\n", f.name, clean(f.value))
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// object prints a message as indented JSON.
func (s *session) object(m proto.Message) error {
	return s.json(m, func(to *bytes.Buffer, from []byte) error { return json.Indent(to, from, "", "  ") })
}

// line prints a message as one line of JSON.
func (s *session) line(m proto.Message) error { return s.json(m, json.Compact) }

// json prints a message as the API's REST face spells it. protojson varies its white space on purpose, so shape sets it.
func (s *session) json(m proto.Message, shape func(*bytes.Buffer, []byte) error) error {
	raw, err := protojson.MarshalOptions{EmitDefaultValues: true}.Marshal(m)
	if err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	var b bytes.Buffer
	if err := shape(&b, raw); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	b.WriteByte('\n')
	if _, err := b.WriteTo(s.out); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}

func tabs(out io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(out, 0, 0, 2, ' ', 0) }

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
