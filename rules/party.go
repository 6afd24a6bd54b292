package rules

import (
	"errors"
	"sort"
	"strings"

	"go.einride.tech/aip/fieldmask"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// MaxNameRunes bounds the names of parties and keys, so that a list stays readable.
const MaxNameRunes = 200

func (d *Decision) createParty(c *pb.CreatePartyRequest) error {
	if v := checkName("party.display_name", c.GetParty().GetDisplayName()); v != nil {
		return Invalid(*v)
	}
	id, refused := d.newID(c.GetPartyId(), "pty_", "party", partyRef)
	if refused != nil {
		return refused
	}
	d.emit("", pb.Side_SIDE_UNSPECIFIED, &pb.Event{Change: &pb.Event_PartyRegistered{PartyRegistered: &pb.PartyRegistered{
		PartyId: id, DisplayName: c.GetParty().GetDisplayName(),
	}}})
	d.answer(partyRef(id))
	return nil
}

func (d *Decision) updateParty(c *pb.UpdatePartyRequest) error {
	ref := partyRef(c.GetPartyId())
	old := get[*pb.Party](d.State, ref)
	if old == nil {
		return NotFound("party", c.GetPartyId())
	}
	if e := d.matchEtag(old.GetEtag()); e != nil {
		return e
	}
	mask, refused := settable(c.GetUpdateMask(), old, c.GetParty(), "display_name")
	if refused != nil {
		return refused
	}
	next := proto.CloneOf(old)
	fieldmask.Update(mask, next, &pb.Party{DisplayName: c.GetParty().GetDisplayName()})
	if v := checkName("party.display_name", next.GetDisplayName()); v != nil {
		return Invalid(*v)
	}
	if next.GetDisplayName() != old.GetDisplayName() {
		d.emit("", pb.Side_SIDE_UNSPECIFIED, &pb.Event{Change: &pb.Event_PartyUpdated{PartyUpdated: &pb.PartyUpdated{
			PartyId: c.GetPartyId(), DisplayName: next.GetDisplayName(),
		}}})
	}
	d.answer(ref)
	return nil
}

func (s *State) partyRegistered(e *pb.Event, c *pb.PartyRegistered) {
	s.Put(partyRef(c.GetPartyId()), &pb.Party{
		PartyId: c.GetPartyId(), DisplayName: c.GetDisplayName(),
		CreateTime: e.GetRecordTime(), UpdateTime: e.GetRecordTime(), Etag: etag(e),
	})
}

func (s *State) partyUpdated(e *pb.Event, c *pb.PartyUpdated) {
	edit(s, partyRef(c.GetPartyId()), func(p *pb.Party) {
		p.DisplayName, p.UpdateTime, p.Etag = c.GetDisplayName(), e.GetRecordTime(), etag(e)
	})
}

func checkName(field, name string) *Violation {
	switch {
	case strings.TrimSpace(name) == "":
		return &Violation{field, "say what people call it"}
	case len([]rune(name)) > MaxNameRunes:
		return &Violation{field, "at most 200 characters"}
	}
	return nil
}

// settable is a mask without what need not be said: output-only fields, and fields that say what they said before, so
// that a resource may be read, changed and sent back whole. Paths that do not exist and fields that cannot be changed
// are refused.
func settable(mask *fieldmaskpb.FieldMask, old, sent proto.Message, allowed ...string) (*fieldmaskpb.FieldMask, *Error) {
	if len(mask.GetPaths()) == 0 { // the fields that are set
		mask = &fieldmaskpb.FieldMask{}
		for f := range sent.ProtoReflect().Range {
			mask.Paths = append(mask.Paths, string(f.Name()))
		}
		sort.Strings(mask.Paths)
		if len(mask.Paths) == 0 {
			return mask, nil
		}
	}
	kept := &fieldmaskpb.FieldMask{}
	var violations []Violation
	for _, path := range mask.GetPaths() {
		ok := path == "*" && len(mask.GetPaths()) == 1
		for _, a := range allowed {
			ok = ok || path == a || strings.HasPrefix(path, a+".")
		}
		err := fieldmask.Validate(&fieldmaskpb.FieldMask{Paths: []string{path}}, old)
		if err == nil && throughList(old.ProtoReflect().Descriptor(), path) {
			ok, err = false, errThroughList
		}
		switch {
		case ok && err == nil:
			kept.Paths = append(kept.Paths, path)
		case err == nil && path != "*" && unchanged(old, sent, path):
		default:
			violations = append(violations, Violation{"update_mask", "\"" + path + "\" cannot be changed; these can: " + strings.Join(allowed, ", ")})
		}
	}
	if violations != nil {
		return nil, Invalid(violations...)
	}
	if len(kept.GetPaths()) == 0 && len(mask.GetPaths()) > 0 {
		return nil, Invalid(Violation{"update_mask", "nothing to change; these can be: " + strings.Join(allowed, ", ")})
	}
	return kept, nil
}

var errThroughList = errors.New("a path cannot go on behind a list")

// throughList says whether a path that exists goes on behind a list.
func throughList(m protoreflect.MessageDescriptor, path string) bool {
	for name, rest, more := strings.Cut(path, "."); more; name, rest, more = strings.Cut(rest, ".") {
		f := m.Fields().ByName(protoreflect.Name(name))
		if f == nil || f.IsList() || f.Message() == nil {
			return f != nil
		}
		m = f.Message()
	}
	return false
}

// unchanged says whether a top field is the service's to set, or is sent as it is.
func unchanged(old, sent proto.Message, path string) bool {
	top, _, _ := strings.Cut(path, ".")
	f := old.ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(top))
	for _, b := range proto.GetExtension(f.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior) {
		if b == annotations.FieldBehavior_OUTPUT_ONLY {
			return true
		}
	}
	return old.ProtoReflect().Get(f).Equal(sent.ProtoReflect().Get(f))
}
