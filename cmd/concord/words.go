package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/rules"
)

// digestShown is how many hexadecimal digits of a digest a table shows: enough to tell texts apart by eye. Consent is
// never given to a shortened one.
const digestShown = 12

// word names an enum value without the prefix it has on the wire, and says nothing for "not set".
func word(e protoreflect.Enum) string {
	if e.Number() == 0 {
		return ""
	}
	value := e.Descriptor().Values().ByNumber(e.Number())
	if value == nil {
		return fmt.Sprintf("%d (newer than this program)", e.Number())
	}
	return strings.TrimPrefix(string(value.Name()), prefix(e.Descriptor()))
}

// prefix is what all names of an enum begin with; the zero value is always the prefix and "UNSPECIFIED".
func prefix(d protoreflect.EnumDescriptor) string {
	return strings.TrimSuffix(string(d.Values().ByNumber(0).Name()), "UNSPECIFIED")
}

// choice is a flag that takes the name of an enum value, in any case, with or without its prefix.
type choice[E interface {
	~int32
	protoreflect.Enum
}] struct {
	value *E
	names []string // of the values it takes
}

// Set reads the flag.
func (c choice[E]) Set(text string) error {
	d := (*c.value).Descriptor()
	name := strings.TrimPrefix(strings.ToUpper(strings.ReplaceAll(text, "-", "_")), prefix(d))
	if !slices.Contains(c.names, strings.ToLower(name)) {
		return fmt.Errorf("it takes %s", strings.Join(c.names, ", "))
	}
	*c.value = E(d.Values().ByName(protoreflect.Name(prefix(d) + name)).Number())
	return nil
}

// String returns what the flag is set to.
func (c choice[E]) String() string {
	if c.value == nil {
		return ""
	}
	return strings.ToLower(word(*c.value))
}

// Type names what the flag takes, for the help.
func (c choice[E]) Type() string { return "name" }

// choose adds a flag that takes the name of an enum value, but for some, with its completions.
func choose[E interface {
	~int32
	protoreflect.Enum
}](cmd *cobra.Command, value *E, flag, help string, except ...E) {
	all := names((*value).Descriptor())
	for _, e := range except {
		all = slices.DeleteFunc(all, func(name string) bool { return name == strings.ToLower(word(e)) })
	}
	cmd.Flags().Var(choice[E]{value, all}, flag, help+": "+strings.Join(all, ", "))
	fixed(cmd, flag, all...)
}

// fixed tells the shell what can follow a flag.
func fixed(cmd *cobra.Command, flag string, values ...string) {
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag was added in the line above
	}
}

// names lists the values of an enum as flags take them.
func names(d protoreflect.EnumDescriptor) []string {
	var all []string
	for i := range d.Values().Len() {
		if v := d.Values().Get(i); v.Number() != 0 {
			all = append(all, strings.ToLower(strings.TrimPrefix(string(v.Name()), prefix(d))))
		}
	}
	return all
}

// moment is a time to the second in UTC; empty if it is not set.
func moment(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().UTC().Format("2006-01-02 15:04:05Z")
}

// firstDay is the day that begins at t, where the calendar is.
func firstDay(t *timestamppb.Timestamp, c *pb.Calendar) string { return day(t, c, 0) }

// lastDay is the day that ends at t, where the calendar is.
func lastDay(t *timestamppb.Timestamp, c *pb.Calendar) string { return day(t, c, -time.Nanosecond) }

func day(t *timestamppb.Timestamp, c *pb.Calendar, shift time.Duration) string {
	if t == nil {
		return ""
	}
	zone, err := time.LoadLocation(c.GetTimeZone())
	if err != nil {
		// This machine does not know the zone; the exact moment misleads nobody.
		return moment(t)
	}
	return t.AsTime().Add(shift).In(zone).Format(time.DateOnly)
}

// number writes a number, and nothing for 0.
func number[N ~int32 | ~uint64](n N) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// short is the beginning of a digest.
func short(digest string) string {
	if len(digest) <= digestShown {
		return digest
	}
	return digest[:digestShown] + "…"
}

// promise says who promises whom. Both sides are named, always.
func promise(obligor, beneficiary pb.Side) string { return word(obligor) + " → " + word(beneficiary) }

// clean makes a text of the other side's harmless in a terminal and in a table: no control characters, no characters
// that turn the direction of writing, one line.
func clean(text string) string { return rules.OneLine(text) }
