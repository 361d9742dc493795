/* Makes the system calls that programs of every day seldom make, and makes some of them fail.
 * Recorded below an empty directory; build with `cc -o calls calls.c -lpthread`. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

static void *worker(void *arg) {
	char name[20], renamed[20], back[3];
	sprintf(name, "t%ld", (long)arg);
	sprintf(renamed, "t%ld.new", (long)arg);
	for (int i = 0; i < 15; i++) {
		int fd = open(name, O_CREAT | O_RDWR | O_APPEND, 0644);
		write(fd, "abcdef", 6);
		pread(fd, back, 3, 0);
		close(fd);
	}
	rename(name, renamed);
	return 0;
}

static void names(void) {
	char proc[50];
	int fd = open(".", O_TMPFILE | O_RDWR, 0600);
	write(fd, "tmp", 3);
	sprintf(proc, "/proc/self/fd/%d", fd);
	linkat(AT_FDCWD, proc, AT_FDCWD, "linked", AT_SYMLINK_FOLLOW);
	linkat(fd, "", AT_FDCWD, "linked2", AT_EMPTY_PATH);
	close(fd);
	struct open_how how = {.flags = O_RDWR | O_CREAT, .mode = 0640,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
	fd = syscall(SYS_openat2, AT_FDCWD, "beneath", &how, sizeof how);
	write(fd, "x", 1);
	syscall(SYS_openat2, AT_FDCWD, "../x", &how, sizeof how);
	renameat2(AT_FDCWD, "linked", AT_FDCWD, "beneath", RENAME_EXCHANGE);
	renameat2(AT_FDCWD, "linked2", AT_FDCWD, "white", RENAME_WHITEOUT);
	renameat2(AT_FDCWD, "white", AT_FDCWD, "beneath", RENAME_NOREPLACE);
	int root = open(".", O_PATH | O_DIRECTORY);
	mkdirat(root, "sub", 0755);
	fchdir(openat(root, "sub", O_RDONLY));
	close(creat("in", 0600));
	chdir("..");
	symlink("/srv/work/sub", "abs");
	symlink("sub", "rel");
	symlink("/etc", "out");
	struct stat st;
	stat("abs/in", &st);
	stat("out/passwd", &st);
	lstat("out", &st);
	close(open("out/passwd", O_RDONLY));
	close(open("rel/in", O_RDONLY));
	chmod("abs/in", 0644);
	truncate("abs/in", 10);
	fchmodat(AT_FDCWD, "rel", 0700, AT_SYMLINK_NOFOLLOW);
	struct timespec times[2] = {{1, 2}, {0, UTIME_OMIT}};
	futimens(fd, times);
	utimensat(AT_FDCWD, "rel", times, AT_SYMLINK_NOFOLLOW);
	open("nope/x", O_RDONLY);
	open("beneath/x", O_RDONLY);
	mkdir("sub", 0);
	rmdir("sub");
	unlink("sub");
	rename("sub", "sub/x");
	link("sub", "y");
	mknod("fifo", S_IFIFO | 0600, 0);
}

static void bytes(void) {
	int fd = open("bytes", O_RDWR | O_CREAT, 0644);
	dup3(fd, 20, O_CLOEXEC);
	fcntl(fd, F_DUPFD, 30);
	fcntl(fd, F_SETFL, O_APPEND);
	write(fd, "yy", 2);
	fcntl(fd, F_SETFL, 0);
	fallocate(fd, 0, 0, 100);
	fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, 10);
	lseek(fd, 5, SEEK_SET);
	struct iovec out[2] = {{"ab", 2}, {"cde", 3}};
	writev(fd, out, 2);
	pwritev(fd, out, 2, 7);
	pwritev2(fd, out, 2, -1, RWF_APPEND);
	char first[4], second[5];
	struct iovec in[2] = {{first, 4}, {second, 5}};
	preadv(fd, in, 2, 1);
	lseek(fd, -20, SEEK_END);
	readv(fd, in, 2);
	fsetxattr(fd, "user.k", "v\0w", 3, XATTR_CREATE);
	fsetxattr(fd, "user.k", "v\0w", 3, XATTR_CREATE);
	fgetxattr(fd, "user.k", first, 4);
	fgetxattr(fd, "user.k", first, 1);
	flistxattr(fd, first, 4);
	lremovexattr("bytes", "user.k");
	flock(fd, LOCK_SH | LOCK_NB);
	struct flock lock = {.l_type = F_WRLCK, .l_start = 3, .l_len = 4};
	fcntl(fd, F_SETLK, &lock);
	off_t offset = 2;
	int copy = open("copy", O_RDWR | O_CREAT, 0644);
	sendfile(copy, fd, &offset, 6);
	copy_file_range(fd, 0, copy, 0, 4, 0);
	sync_file_range(copy, 0, 0, SYNC_FILE_RANGE_WRITE);
	syncfs(copy);
	fdatasync(copy);
	readahead(copy, 0, 5);
	posix_fadvise(copy, 0, 0, POSIX_FADV_RANDOM);
}

static void users(void) {
	chmod(".", 0777);
	if (!fork()) {
		setresgid(7, 7, 7);
		setresuid(1000, 1000, 1000);
		umask(0);
		open("asuser", O_CREAT | O_WRONLY, 0666);
		mkdir("/srv/work/userdir", 0777);
		chmod("copy", 0);
		_exit(0);
	}
	sleep(1);
	if (!vfork())
		execl("/bin/true", "true", (char *)0);
}

int main(void) {
	char cwd[50];
	pthread_t threads[3];
	for (long i = 0; i < 3; i++)
		pthread_create(threads + i, 0, worker, (void *)i);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], 0);
	names();
	bytes();
	users();
	close_range(3, ~0U, 0);
	getcwd(cwd, sizeof cwd);
	return 0;
}
