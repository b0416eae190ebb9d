// SPDX-License-Identifier: Apache-2.0
#include "build_config.h"

#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plan.h"

#define CONFIG_DEFAULT SYSCONFDIR "/ldapnotify/ldapnotify.conf"

enum { OPT_RUN = 256, OPT_WORKER, OPT_STUCK, OPT_PID };

static const struct option long_options[] = {
    { "config", required_argument, NULL, 'c' },
    { "debug", no_argument, NULL, 'd' },
    { "foreground", no_argument, NULL, 'f' },
    { "help", no_argument, NULL, 'h' },
    { "pid-file", required_argument, NULL, OPT_PID },
    { "run", required_argument, NULL, OPT_RUN },
    { "stuck-uri", required_argument, NULL, OPT_STUCK },
    { "test", no_argument, NULL, 't' },
    { "version", no_argument, NULL, 'V' },
    { "worker", required_argument, NULL, OPT_WORKER },
    { NULL, 0, NULL, 0 },
};

void options_help(FILE *out)
{
    fputs("Usage: ldapnotifyd [-dftV] [-c FILE] [--run=watch,deliver,control] [--pid-file=FILE]\n"
          "Watches LDAP directories and tells the people whom a change concerns.\n"
          "\n"
          "  -c, --config=FILE    configuration (default " CONFIG_DEFAULT ")\n"
          "  -d, --debug          log everything, whatever the configuration says\n"
          "  -f, --foreground     stay in the foreground; log to standard error unless told otherwise\n"
          "  -t, --test           check the configuration, say all that is wrong with it, and exit\n"
          "      --run=WORKERS    only these: watch, deliver, control\n"
          "      --pid-file=FILE  where the process id goes, instead of pid_file in the configuration\n"
          "  -V, --version        print the version and exit\n"
          "  -h, --help           print this and exit\n",
          out);
}

static int parse_number(const char *text, int *number, struct error *err)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno || end == text || *end || value < 0 || value > INT_MAX)
        return error_set(err, "\"%s\" is not a number", text);
    *number = (int)value;
    return 0;
}

// The daemon leaves the working directory, and reads its configuration again later.
static int absolute_path(const char **path, char buffer[PATH_MAX], struct error *err)
{
    if (!*path || **path == '/')
        return 0;
    if (!getcwd(buffer, PATH_MAX))
        return error_set(err, "finding the working directory: %s", strerror(errno));
    size_t used = strlen(buffer);
    if (snprintf(buffer + used, PATH_MAX - used, "/%s", *path) >= (int)(PATH_MAX - used))
        return error_set(err, "the path %s is too long", *path);
    *path = buffer;
    return 0;
}

int options_parse(int argc, char **argv, struct options *options, struct error *err)
{
    *options = (struct options){ .config = CONFIG_DEFAULT, .duties = DUTY_ALL, .stuck_uri = -1 };
    int letter;
    opterr = 0;
    optind = 1;
    while ((letter = getopt_long(argc, argv, ":c:dfhtV", long_options, NULL)) != -1) {
        switch (letter) {
        case 'c': options->config = optarg; break;
        case 'd': options->debug = true; break;
        case 'f': options->foreground = true; break;
        case 'h': options->action = ACTION_HELP; break;
        case 't': options->action = ACTION_TEST; break;
        case 'V': options->action = ACTION_VERSION; break;
        case OPT_PID: options->pid_file = optarg; break;
        case OPT_RUN:
            if (duty_parse_set(optarg, &options->duties, err) < 0)
                return -1;
            break;
        case OPT_WORKER:
            options->action = ACTION_WORKER;
            options->worker = optarg;
            break;
        case OPT_STUCK:
            if (parse_number(optarg, &options->stuck_uri, err) < 0)
                return error_prepend(err, "--stuck-uri: ");
            break;
        case ':': return error_set(err, "%s needs a value; try ldapnotifyd --help", argv[optind - 1]);
        default: return error_set(err, "there is no option %s; try ldapnotifyd --help", argv[optind - 1]);
        }
    }
    if (optind < argc)
        return error_set(err, "\"%s\" is one word too many; try ldapnotifyd --help", argv[optind]);
    static char config_buffer[PATH_MAX], pid_buffer[PATH_MAX];
    if (absolute_path(&options->config, config_buffer, err) < 0)
        return -1;
    return absolute_path(&options->pid_file, pid_buffer, err);
}
