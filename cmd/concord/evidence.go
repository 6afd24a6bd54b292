package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	pb "github.com/concordhq/concord/gen/concord/v1"
)

// evidenceField finds where a field of evidence begins. A comma that no field name follows is part of a value, as in a
// URI or a title.
var evidenceField = regexp.MustCompile(`(?:^|,)(title|uri|sha256|type|note)=`)

// evidence is what a command is shown beside its words.
type evidence struct {
	given, files []string
	into         *[]*pb.Evidence
}

// flags adds the flags that name evidence.
func (e *evidence) flags(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringArrayVar(&e.given, "evidence", nil, "title=…,uri=…[,sha256=…][,type=…][,note=…]; may be given often")
	cmd.Flags().StringArrayVar(&e.files, "evidence-file", nil, "PATH,uri=…[,title=…][,type=…][,note=…]; may be given often")
	return cmd
}

// read puts into the request what the flags say.
func (e *evidence) read() (err error) {
	*e.into, err = readEvidence(e.given, e.files)
	return err
}

// readEvidence reads what --evidence and --evidence-file say, in that order.
func readEvidence(given, files []string) ([]*pb.Evidence, error) {
	var all []*pb.Evidence
	for _, text := range given {
		e, before, err := parseEvidence(text)
		if err != nil {
			return nil, usagef("--evidence %s: %v", text, err)
		}
		if before != "" {
			return nil, usagef("--evidence %s: it begins with title=, uri=, sha256=, type= or note=", text)
		}
		all = append(all, e)
	}
	for _, text := range files {
		e, file, err := parseEvidence(text)
		if err != nil {
			return nil, usagef("--evidence-file %s: %v", text, err)
		}
		if file == "" || e.GetUri() == "" || e.GetSha256() != "" {
			return nil, usagef("--evidence-file %s: it takes the file, then uri=, the place where the other side finds it, and no sha256=", text)
		}
		if err := describeFile(e, file); err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

// parseEvidence reads fields, and what stands before the first of them.
func parseEvidence(text string) (e *pb.Evidence, before string, err error) {
	e = &pb.Evidence{}
	fields := evidenceField.FindAllStringSubmatchIndex(text, -1)
	if len(fields) == 0 {
		return e, text, nil
	}
	before = text[:fields[0][0]]
	for i, f := range fields {
		end := len(text)
		if i+1 < len(fields) {
			end = fields[i+1][0]
		}
		name, value := text[f[2]:f[3]], text[f[1]:end]
		into := map[string]*string{
			"title": &e.Title, "uri": &e.Uri, "sha256": &e.Sha256, "type": &e.MediaType, "note": &e.Note,
		}[name]
		if *into != "" {
			return nil, "", fmt.Errorf("%s= is given twice", name)
		}
		if *into = value; value == "" {
			return nil, "", fmt.Errorf("%s= is empty", name)
		}
	}
	return e, before, nil
}

// describeFile hashes a file and fills in its name and media type where they were not given.
func describeFile(e *pb.Evidence, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("hash the evidence: %w", err)
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return fmt.Errorf("hash the evidence: %w", err)
	}
	e.Sha256 = hex.EncodeToString(h.Sum(nil))
	if e.Title == "" {
		e.Title = filepath.Base(file)
	}
	if e.MediaType == "" {
		// Without parameters: the field takes the bare type.
		e.MediaType, _, _ = strings.Cut(mime.TypeByExtension(filepath.Ext(file)), ";")
	}
	return nil
}

// evidenceText is evidence in a line.
func evidenceText(e *pb.Evidence) string {
	text := e.GetTitle() + " <" + e.GetUri() + ">"
	if e.GetMediaType() != "" {
		text += " " + e.GetMediaType()
	}
	if e.GetSha256() != "" {
		text += " sha256:" + e.GetSha256()
	}
	if e.GetNote() != "" {
		text += " (" + e.GetNote() + ")"
	}
	return text
}
