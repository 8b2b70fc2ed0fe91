package filesystem

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func maxOpen() int {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil || l.Cur > math.MaxInt32 {
		return 0
	}
	return int(l.Cur)
}

// warning asks the kernel, as statfs(2) tells it.
func warning(dir string) string {
	dir = nearest(dir)
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return ""
	}
	switch uint32(st.Type) {
	case unix.NFS_SUPER_MAGIC:
		return remote(dir, "NFS")
	case unix.SMB_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC:
		return remote(dir, "SMB")
	case unix.AFS_SUPER_MAGIC, unix.CODA_SUPER_MAGIC, unix.V9FS_MAGIC, unix.CEPH_SUPER_MAGIC:
		return remote(dir, "a network file system")
	case unix.TMPFS_MAGIC, unix.RAMFS_MAGIC:
		return dir + " is in memory: all that is in it is lost when the machine stops; name a folder on a disk"
	case unix.EXT4_SUPER_MAGIC:
		if name := deviceOf(dir); name != "" && fastCommit(name) {
			return fmt.Sprintf("%s is on ext4 with fast_commit (%s), which can corrupt databases at a power cut: unmount it, run tune2fs -O ^fast_commit /dev/%s, or name a folder on another disk", dir, name, name)
		}
	}
	return ""
}

func remote(dir, kind string) string {
	return fmt.Sprintf("%s is on %s, whose locks and syncs do not hold for a database: name a folder on a disk of this machine", dir, kind)
}

// nearest is the folder, or the first above it that is there.
func nearest(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return dir
	}
	for {
		if _, err := os.Stat(abs); !errors.Is(err, fs.ErrNotExist) || abs == filepath.Dir(abs) {
			return abs
		}
		abs = filepath.Dir(abs)
	}
}

// deviceOf is the name of the block device below /dev, "" if it is not known.
func deviceOf(dir string) string {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return ""
	}
	link, err := os.Readlink(fmt.Sprintf("/sys/dev/block/%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev)))
	if err != nil {
		return ""
	}
	return filepath.Base(link)
}

// fastCommit says whether ext4 on the device has the feature: by its superblock
// where that may be read, else by the commits that the kernel counts.
func fastCommit(device string) bool {
	if f, err := os.Open("/dev/" + device); err == nil {
		defer func() { _ = f.Close() }()
		if has, err := superblockHasFastCommit(f); err == nil {
			return has
		}
	}
	f, err := os.Open("/proc/fs/ext4/" + device + "/fc_info")
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	return fastCommits(f) > 0
}

// Where the superblock lies on the disk, and what is in it: see
// Documentation/filesystems/ext4/super.rst of the kernel.
const (
	superblockAt      = 1024
	magicAt           = 0x38
	featureCompatAt   = 0x5c
	ext4Magic         = 0xef53
	compatFastCommit  = 0x400
	superblockLength  = 1024
	longestOfFastInfo = 64 << 10
)

func superblockHasFastCommit(disk io.ReaderAt) (bool, error) {
	raw := make([]byte, superblockLength)
	if _, err := disk.ReadAt(raw, superblockAt); err != nil {
		return false, err
	}
	if binary.LittleEndian.Uint16(raw[magicAt:]) != ext4Magic {
		return false, errors.New("there is no ext4")
	}
	return binary.LittleEndian.Uint32(raw[featureCompatAt:])&compatFastCommit != 0, nil
}

// fastCommits reads "N commits" of fc_info.
func fastCommits(r io.Reader) int64 {
	lines := bufio.NewScanner(io.LimitReader(r, longestOfFastInfo))
	for lines.Scan() {
		if number, found := strings.CutSuffix(strings.TrimSpace(lines.Text()), " commits"); found {
			n, err := strconv.ParseInt(number, 10, 64)
			if err == nil {
				return n
			}
		}
	}
	return 0
}
