//go:build linux

package bundle

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/coracle-k8s/coracle/runtime/image"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// A User is whom a process runs as, in numbers.
type User struct {
	UID, GID uint32
	// Groups are the supplemental groups.
	Groups []uint32
}

// ResolveUser decides whom a container's process runs as: the request's user, else
// the image's, else root. Names are looked up in the image's own /etc/passwd and
// /etc/group, below rootfs, which are not trusted: links do not lead out of it.
func ResolveUser(rootfs, imageUser string, security *cri.LinuxContainerSecurityContext) (User, error) {
	if security.GetRunAsGroup() != nil && security.GetRunAsUser() == nil && security.GetRunAsUsername() == "" {
		return User{}, fmt.Errorf("%w: a group without a user", ErrInvalid)
	}
	root, err := os.OpenRoot(rootfs)
	if err != nil {
		return User{}, err
	}
	defer root.Close() //nolint:errcheck // only a directory
	accounts, err := readAccounts(root)
	if err != nil {
		return User{}, err
	}
	wanted := imageUser
	if name := security.GetRunAsUsername(); name != "" {
		wanted = name
	}
	if uid := security.GetRunAsUser(); uid != nil {
		wanted = strconv.FormatInt(uid.GetValue(), 10)
	}
	user, name, err := accounts.find(wanted)
	if err != nil {
		return User{}, err
	}
	if gid := security.GetRunAsGroup(); gid != nil {
		if user.GID, err = id(gid.GetValue()); err != nil {
			return User{}, err
		}
	}
	return accounts.addGroups(user, name, security)
}

// accounts are the lines of passwd and group, cut at the colons.
type accounts struct{ passwd, group [][]string }

func readAccounts(root *os.Root) (accounts, error) {
	passwd, err := readTable(root, "etc/passwd", 4)
	if err != nil {
		return accounts{}, err
	}
	group, err := readTable(root, "etc/group", 3)
	return accounts{passwd, group}, err
}

// maxTable bounds the files that are read from an image, in bytes.
const maxTable = 1 << 20

// readTable reads a file of an image. No file gives no lines; what is no regular
// file (a pipe, on which we would wait) is refused.
func readTable(root *os.Root, name string, fields int) ([][]string, error) {
	real, err := image.ResolveIn(root, name)
	if err != nil {
		return nil, fmt.Errorf("%w: the image's /%s: %w", ErrInvalid, name, err)
	}
	info, err := root.Lstat(real)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: the image's /%s is no regular file", ErrInvalid, name)
	}
	f, err := root.Open(real)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read from
	var table [][]string
	lines := bufio.NewScanner(io.LimitReader(f, maxTable))
	lines.Buffer(nil, maxTable)
	for lines.Scan() {
		if cut := strings.Split(strings.TrimSpace(lines.Text()), ":"); len(cut) >= fields {
			table = append(table, cut)
		}
	}
	return table, lines.Err()
}

// find resolves "user", "user:group" in names or numbers. The name is "" for a
// number that no account has.
func (a accounts) find(wanted string) (User, string, error) {
	userPart, groupPart, hasGroup := strings.Cut(wanted, ":")
	user, name, err := a.user(userPart)
	if err != nil || !hasGroup || groupPart == "" {
		return user, name, err
	}
	if n, err := strconv.ParseInt(groupPart, 10, 64); err == nil {
		user.GID, err = id(n)
		return user, name, err
	}
	for _, line := range a.group {
		if line[0] == groupPart {
			gid, err := parseID(line[2])
			user.GID = gid
			return user, name, err
		}
	}
	return User{}, "", fmt.Errorf("%w: group %q is not in the image's /etc/group", ErrInvalid, groupPart)
}

func (a accounts) user(wanted string) (User, string, error) {
	if wanted == "" {
		wanted = "0"
	}
	number, err := strconv.ParseInt(wanted, 10, 64)
	isNumber := err == nil
	for _, line := range a.passwd {
		if (isNumber && line[2] == wanted) || (!isNumber && line[0] == wanted) {
			uid, errU := parseID(line[2])
			gid, errG := parseID(line[3])
			return User{UID: uid, GID: gid}, line[0], errors.Join(errU, errG)
		}
	}
	if !isNumber {
		return User{}, "", fmt.Errorf("%w: user %q is not in the image's /etc/passwd", ErrInvalid, wanted)
	}
	uid, err := id(number)
	return User{UID: uid}, "", err
}

// addGroups adds the supplemental groups: the request's, and with the policy
// Merge those of the account in the image's /etc/group (KEP-3619).
func (a accounts) addGroups(user User, name string, security *cri.LinuxContainerSecurityContext) (User, error) {
	user.Groups = []uint32{}
	add := func(gid uint32) {
		if !slices.Contains(user.Groups, gid) {
			user.Groups = append(user.Groups, gid)
		}
	}
	if security.GetSupplementalGroupsPolicy() == cri.SupplementalGroupsPolicy_Merge && name != "" {
		for _, line := range a.group {
			if len(line) < 4 || !slices.Contains(strings.Split(line[3], ","), name) {
				continue
			}
			gid, err := parseID(line[2])
			if err != nil {
				return User{}, err
			}
			add(gid)
		}
	}
	for _, group := range security.GetSupplementalGroups() {
		gid, err := id(group)
		if err != nil {
			return User{}, err
		}
		add(gid)
	}
	return user, nil
}

func parseID(text string) (uint32, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: id %q in the image's accounts", ErrInvalid, text)
	}
	return id(n)
}

// id checks a user or group id. The largest one means "no change" to the kernel.
func id(n int64) (uint32, error) {
	if n < 0 || n >= 1<<32-1 {
		return 0, fmt.Errorf("%w: user or group id %d", ErrInvalid, n)
	}
	return uint32(n), nil
}
