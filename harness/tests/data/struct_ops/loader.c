// Loads objects with libbpf and says how far each came: its number, the call that failed (open,
// load, attach, or ok), and the errno. What is attached stays so until the object is done.
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <bpf/libbpf.h>

#define LINKS_MAX 8

static int say(enum libbpf_print_level level, const char *format, va_list arguments)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, arguments) : 0;
}

static void one(int number, const char *path)
{
	struct bpf_link *links[LINKS_MAX];
	int count = 0, failed = 0;
	struct bpf_map *map;
	struct bpf_object *object = bpf_object__open_file(path, NULL);

	if (!object) {
		printf("%d open %d\n", number, errno);
		return;
	}
	failed = -bpf_object__load(object);
	if (failed) {
		printf("%d load %d\n", number, failed);
		bpf_object__close(object);
		return;
	}
	bpf_object__for_each_map(map, object) {
		if (bpf_map__type(map) != BPF_MAP_TYPE_STRUCT_OPS || count == LINKS_MAX)
			continue;
		links[count] = bpf_map__attach_struct_ops(map);
		if (!links[count]) {
			failed = errno;
			break;
		}
		count++;
	}
	while (count > 0)
		bpf_link__destroy(links[--count]);
	printf("%d %s %d\n", number, failed ? "attach" : "ok", failed);
	bpf_object__close(object);
}

int main(int argc, char **argv)
{
	libbpf_set_print(say);
	printf("libbpf %u.%u\n", libbpf_major_version(), libbpf_minor_version());
	for (int i = 1; i < argc; i++)
		one(i - 1, argv[i]);
	return 0;
}
