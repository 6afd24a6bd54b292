package rules

import (
	"fmt"

	"golang.org/x/mod/sumdb/note"

	journalv1 "github.com/concordhq/concord/gen/concord/journal/v1"
	pb "github.com/concordhq/concord/gen/concord/v1"
)

// MaxActiveLogKeys bounds the keys that sign at once: two are enough to go from one to the next, and each makes every
// checkpoint longer.
const MaxActiveLogKeys = 8

// LogRef names the one record of the log and its keys.
func LogRef() Ref { return Ref{Kind: KindLog} }

// LogKeyID is the id of the key that a verifier key is, and the log that the key is named after; an error if it is none
// that signs a log: C2SP signed-note, Ed25519.
func LogKeyID(verifierKey string) (id, origin string, err error) {
	v, err := note.NewVerifier(verifierKey)
	if err != nil {
		return "", "", err
	}
	return fmt.Sprintf("%08x", v.KeyHash()), v.Name(), nil
}

// openLog gives the log its name and its first key: once, on the first start.
func (d *Decision) openLog(c *journalv1.OpenLog) error {
	if l := get[*pb.Log](d.State, LogRef()); l != nil {
		return taken("log", l.GetOrigin())
	}
	if _, origin, err := LogKeyID(c.GetVerifierKey()); err != nil || origin != c.GetOrigin() {
		return Invalid(Violation{"verifier_key", "is no key of the log " + c.GetOrigin()})
	}
	d.emit("", pb.Side_SIDE_UNSPECIFIED, &pb.Event{Change: &pb.Event_LogOpened{LogOpened: &pb.LogOpened{
		Origin: c.GetOrigin(), VerifierKey: c.GetVerifierKey(),
	}}})
	d.answer(LogRef())
	return nil
}

func (d *Decision) addLogKey(c *pb.AddLogKeyRequest) error {
	l := get[*pb.Log](d.State, LogRef())
	if l == nil {
		return NotFound("log", "")
	}
	if e := d.matchEtag(l.GetEtag()); e != nil {
		return e
	}
	if e := checkLogKey(l, c.GetVerifierKey()); e != nil && c.GetVerifierKey() != "" {
		return e
	}
	if len(ActiveLogKeys(l)) >= MaxActiveLogKeys {
		e := Refuse(pb.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED, "%d keys sign the log already. Retire one first.", MaxActiveLogKeys)
		e.Metadata = map[string]string{"limit": fmt.Sprint(MaxActiveLogKeys)}
		return e
	}
	verifierKey, err := d.stamp.LogKey(l, c.GetVerifierKey())
	if err != nil {
		return err
	}
	if e := checkLogKey(l, verifierKey); e != nil {
		return e
	}
	d.emit("", pb.Side_SIDE_UNSPECIFIED, &pb.Event{Change: &pb.Event_LogKeyAdded{LogKeyAdded: &pb.LogKeyAdded{VerifierKey: verifierKey}}})
	d.answer(LogRef())
	return nil
}

// checkLogKey refuses what cannot be another key of a log.
func checkLogKey(l *pb.Log, verifierKey string) *Error {
	id, origin, err := LogKeyID(verifierKey)
	switch {
	case err != nil:
		return Invalid(Violation{"verifier_key", "is no Ed25519 verifier key of the form <origin>+<8 hex digits>+<base64>"})
	case origin != l.GetOrigin():
		return Invalid(Violation{"verifier_key", fmt.Sprintf("is a key of %q; the keys of this log are named after it, %q", origin, l.GetOrigin())})
	case logKey(l, id) != nil: // also one that was retired: what it signed later could not be told from what it signed then
		return taken("log key", id)
	}
	return nil
}

func (d *Decision) retireLogKey(c *pb.RetireLogKeyRequest) error {
	l := get[*pb.Log](d.State, LogRef())
	key := logKey(l, c.GetLogKeyId())
	if key == nil {
		return NotFound("log key", c.GetLogKeyId())
	}
	if e := d.matchEtag(l.GetEtag()); e != nil {
		return e
	}
	if key.GetRetireTime() == nil { // twice is as good as once
		if len(ActiveLogKeys(l)) == 1 {
			return Refuse(pb.ErrorReason_ERROR_REASON_RULE_REFUSED, "This is the last key that signs the log. Add another one first, and give those who check the log time to take it over.")
		}
		d.emit("", pb.Side_SIDE_UNSPECIFIED, &pb.Event{Change: &pb.Event_LogKeyRetired{LogKeyRetired: &pb.LogKeyRetired{LogKeyId: key.GetLogKeyId()}}})
	}
	d.answer(LogRef())
	return nil
}

// ActiveLogKeys is the keys that sign the log, in the order in which they were added.
func ActiveLogKeys(l *pb.Log) (active []*pb.LogKey) {
	for _, k := range l.GetKeys() {
		if k.GetRetireTime() == nil {
			active = append(active, k)
		}
	}
	return active
}

// logKey is a key of a log by its id; nil if it has none.
func logKey(l *pb.Log, id string) *pb.LogKey {
	for _, k := range l.GetKeys() {
		if k.GetLogKeyId() == id {
			return k
		}
	}
	return nil
}

func (s *State) logOpened(e *pb.Event, c *pb.LogOpened) {
	l := &pb.Log{Origin: c.GetOrigin(), CreateTime: e.GetRecordTime()}
	s.Put(LogRef(), l)
	addKey(l, e, c.GetVerifierKey())
}

func (s *State) logKeyAdded(e *pb.Event, c *pb.LogKeyAdded) {
	edit(s, LogRef(), func(l *pb.Log) { addKey(l, e, c.GetVerifierKey()) })
}

// addKey has a log signed by another key from an event on. A key that is none was refused before it could be recorded.
func addKey(l *pb.Log, e *pb.Event, verifierKey string) {
	id, _, _ := LogKeyID(verifierKey)
	l.Keys = append(l.Keys, &pb.LogKey{LogKeyId: id, VerifierKey: verifierKey, CreateTime: e.GetRecordTime()})
	l.UpdateTime, l.Etag = e.GetRecordTime(), etag(e)
}

func (s *State) logKeyRetired(e *pb.Event, c *pb.LogKeyRetired) {
	edit(s, LogRef(), func(l *pb.Log) {
		if k := logKey(l, c.GetLogKeyId()); k != nil {
			k.RetireTime = e.GetRecordTime()
		}
		l.UpdateTime, l.Etag = e.GetRecordTime(), etag(e)
	})
}
