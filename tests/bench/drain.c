// SPDX-License-Identifier: Apache-2.0
// drain SMTP-URL COUNT CONNECTIONS OCTETS: sends so many messages of that size through bare libcurl multi.

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct transfer {
    CURL *curl;
    struct curl_slist *to;
    size_t sent;
};

static char *content;
static size_t content_size;

static size_t content_read(char *to, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    size_t left = content_size - transfer->sent;
    size_t length = left < size * count ? left : size * count;
    memcpy(to, content + transfer->sent, length);
    transfer->sent += length;
    return length;
}

static void content_make(size_t size)
{
    content = malloc(size);
    content_size = size;
    memset(content, 'x', size);
    for (size_t i = 76; i + 2 <= size; i += 78)
        memcpy(content + i, "\r\n", 2);
    memcpy(content, "Subject: news\r\n\r\n", 17);
    memcpy(content + size - 2, "\r\n", 2);
}

static void transfer_next(CURLM *multi, struct transfer *transfer, long number)
{
    char recipient[64];
    snprintf(recipient, sizeof recipient, "user%07ld@example.com", number);
    curl_slist_free_all(transfer->to);
    transfer->to = curl_slist_append(NULL, recipient);
    transfer->sent = 0;
    curl_easy_setopt(transfer->curl, CURLOPT_MAIL_RCPT, transfer->to);
    curl_multi_add_handle(multi, transfer->curl);
}

int main(int argc, char **argv)
{
    if (argc != 5 || atol(argv[4]) < 100)
        return fprintf(stderr, "drain SMTP-URL COUNT CONNECTIONS OCTETS\n"), 2;
    long count = atol(argv[2]), connections = atol(argv[3]), begun = 0, done = 0;
    content_make((size_t)atol(argv[4]));
    CURLM *multi = curl_multi_init();
    curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, connections);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, connections);
    struct transfer *transfers = calloc((size_t)connections, sizeof *transfers);
    for (long i = 0; i < connections && begun < count; i++) {
        struct transfer *transfer = &transfers[i];
        transfer->curl = curl_easy_init();
        curl_easy_setopt(transfer->curl, CURLOPT_URL, argv[1]);
        curl_easy_setopt(transfer->curl, CURLOPT_MAIL_FROM, "directory@example.com");
        curl_easy_setopt(transfer->curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(transfer->curl, CURLOPT_READFUNCTION, content_read);
        curl_easy_setopt(transfer->curl, CURLOPT_READDATA, transfer);
        curl_easy_setopt(transfer->curl, CURLOPT_PRIVATE, transfer);
        transfer_next(multi, transfer, begun++);
    }
    while (done < count) {
        int running, left;
        CURLMsg *message;
        curl_multi_perform(multi, &running);
        while ((message = curl_multi_info_read(multi, &left))) {
            struct transfer *transfer;
            if (message->data.result != CURLE_OK)
                return fprintf(stderr, "drain: %s\n", curl_easy_strerror(message->data.result)), 1;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
            curl_multi_remove_handle(multi, transfer->curl);
            done++;
            if (begun < count)
                transfer_next(multi, transfer, begun++);
        }
        if (done < count)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    return 0;
}
