package rules

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"google.golang.org/protobuf/reflect/protoreflect"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// Words says what an event means, in a sentence for people.
func Words(e *pb.Event) string {
	side := sideWord(e.GetActor().GetSide())
	for _, words := range [...]func(*pb.Event, string) string{
		serviceWords, agreementWords, agreementCourseWords, proposalWords, commitmentWords, obligationWords, obligationCourseWords, obligationReliefWords,
		concernWords, remedyWords, pulseWords, objectiveWords, reviewWords,
	} {
		if said := words(e, side); said != "" {
			return said
		}
	}
	return fmt.Sprintf("An event of a kind this release has no words for: %T.", e.GetChange())
}

// OneLine is a text on one line, without what a terminal takes for a command or what makes it read backwards.
func OneLine(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u2028', r == '\u2029':
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

func serviceWords(e *pb.Event, _ string) string {
	switch c := e.GetChange().(type) {
	case *pb.Event_PartyRegistered:
		return fmt.Sprintf("Party %s was registered%s.", c.PartyRegistered.GetPartyId(), quoted(" as ", c.PartyRegistered.GetDisplayName()))
	case *pb.Event_PartyUpdated:
		return fmt.Sprintf("Party %s has another name%s.", c.PartyUpdated.GetPartyId(), quoted(" now: ", c.PartyUpdated.GetDisplayName()))
	case *pb.Event_ApiKeyIssued:
		return fmt.Sprintf("Key %s was issued%s, %s.", c.ApiKeyIssued.GetApiKeyId(), quoted(" to ", c.ApiKeyIssued.GetDisplayName()), holderWord(c.ApiKeyIssued.GetPrincipal()))
	case *pb.Event_ApiKeyRevoked:
		return fmt.Sprintf("Key %s was revoked.", c.ApiKeyRevoked.GetApiKeyId())
	case *pb.Event_LogOpened:
		return fmt.Sprintf("The log %s was opened; key %s signs it.", c.LogOpened.GetOrigin(), c.LogOpened.GetVerifierKey())
	case *pb.Event_LogKeyAdded:
		return fmt.Sprintf("Key %s signs the log, too.", c.LogKeyAdded.GetVerifierKey())
	case *pb.Event_LogKeyRetired:
		return fmt.Sprintf("Key %s signs the log no more.", c.LogKeyRetired.GetLogKeyId())
	case *pb.Event_PrivateDataErased:
		return erasedWords(c.PrivateDataErased)
	}
	return ""
}

// quoted is a name behind a word, where there is one: a name may be erased.
func quoted(word, name string) string {
	if name == "" {
		return ""
	}
	return word + strconv.Quote(name)
}

// holderWord is what the holder of a key is.
func holderWord(p *pb.Principal) string {
	role := enumWord(p.GetRole())
	switch {
	case p.GetPartyId() != "":
		return role + " of " + p.GetPartyId()
	case len(p.GetServicePartyIds()) > 0:
		return role + " for " + strings.Join(p.GetServicePartyIds(), ", ")
	case len(p.GetAgreementIds()) > 0:
		return role + " of " + strings.Join(p.GetAgreementIds(), ", ")
	}
	return role
}

func sideWord(s pb.Side) string {
	switch s {
	case pb.Side_SIDE_VENDOR:
		return "vendor"
	case pb.Side_SIDE_CLIENT:
		return "client"
	}
	return "clock"
}

// because is a reason behind a sentence, where there is one.
func because(reason string) string {
	if reason == "" {
		return "."
	}
	return ": " + reason
}

// dayWord is the day a clock moved to, where it is known.
func dayWord(d *pb.Deadlines) string {
	if d.GetDueDate() == "" {
		return "a day to come"
	}
	return d.GetDueDate()
}

// dueAgain says to which day a due date moved, if it did.
func dueAgain(d *pb.Deadlines) string {
	if d.GetDueDate() == "" {
		return ""
	}
	return "; it is due on " + d.GetDueDate()
}

// enumWord is an enum value in small letters, without its type's prefix.
func enumWord(v protoreflect.Enum) string {
	zero := string(v.Descriptor().Values().ByNumber(0).Name())
	value := v.Descriptor().Values().ByNumber(v.Number())
	if value == nil || v.Number() == 0 {
		return "something"
	}
	name := strings.TrimPrefix(string(value.Name()), strings.TrimSuffix(zero, "UNSPECIFIED"))
	return strings.ToLower(strings.ReplaceAll(name, "_", " "))
}

func timelyWord(t pb.Timeliness) string {
	if t == pb.Timeliness_TIMELINESS_LATE {
		return "late"
	}
	return "on time"
}
