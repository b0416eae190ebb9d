// SPDX-License-Identifier: Apache-2.0
#include "mustache.h"

#include <kainjow/mustache.hpp>

#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

extern "C" {
#include "base/text.h"
}

namespace engine = kainjow::mustache;

namespace {

constexpr size_t output_most = 8 * 1024 * 1024;
constexpr int list_items_most = 50000; // over a whole rendering: lists within lists multiply
constexpr int data_depth = 16;

// Like the engine's own context, with a limit on the work.
class bounded_context : public engine::basic_context<std::string> {
public:
    explicit bounded_context(const engine::data *data) { items_.push_back(data); }

    void push(const engine::data *data) override
    {
        if (++pushed_ > list_items_most)
            throw std::length_error("its lists within lists repeat too often");
        items_.push_back(data);
    }
    void pop() override { items_.pop_back(); }

    const engine::data *get(const std::string &name) const override
    {
        if (name == ".")
            return items_.back();
        for (auto item = items_.rbegin(); item != items_.rend(); ++item)
            if (const auto *found = (*item)->get(name))
                return found;
        return nullptr;
    }
    const engine::data *get_partial(const std::string &) const override { return nullptr; }

private:
    std::vector<const engine::data *> items_;
    int pushed_ = 0;
};

// A stream for the engine that stops at a limit.
class bounded_output {
public:
    bounded_output &operator<<(const std::string &text)
    {
        if (text.size() > output_most - out_.size())
            throw std::length_error("the result would be too large");
        out_ += text;
        return *this;
    }
    const std::string &text() const { return out_; }

private:
    std::string out_;
};

// The engine's own escapes an apostrophe as &apos;, which HTML 4 (and Outlook) does not know.
std::string escape_html(const std::string &text)
{
    std::string escaped;
    escaped.reserve(text.size() + text.size() / 8);
    for (const char c : text)
        switch (c) {
        case '&': escaped += "&amp;"; break;
        case '<': escaped += "&lt;"; break;
        case '>': escaped += "&gt;"; break;
        case '"': escaped += "&quot;"; break;
        case '\'': escaped += "&#39;"; break;
        default: escaped += c;
        }
    return escaped;
}

engine::data text_data(const char *text, size_t length)
{
    char *clean = text_clean(nullptr, text, length, 0);
    if (!clean)
        throw std::bad_alloc();
    try {
        engine::data data = *clean ? engine::data{std::string(clean)} : engine::data{false};
        talloc_free(clean);
        return data;
    } catch (...) {
        talloc_free(clean);
        throw;
    }
}

engine::data convert(const json_t *json, int depth)
{
    if (depth > data_depth)
        throw std::length_error("data nested too deeply");
    switch (json ? json_typeof(json) : JSON_NULL) {
    case JSON_TRUE:
        return engine::data{true};
    case JSON_INTEGER:
        return engine::data{std::to_string(json_integer_value(json))};
    case JSON_STRING:
        return text_data(json_string_value(json), json_string_length(json));
    case JSON_ARRAY: {
        engine::data list{engine::data::type::list};
        for (size_t i = 0; i < json_array_size(json); i++)
            list.push_back(convert(json_array_get(json, i), depth + 1));
        return list;
    }
    case JSON_OBJECT: {
        engine::data object{engine::data::type::object};
        // jansson's iterators want a json_t that may change.
        json_t *values = const_cast<json_t *>(json);
        for (void *at = json_object_iter(values); at; at = json_object_iter_next(values, at))
            object[json_object_iter_key(at)] = convert(json_object_iter_value(at), depth + 1);
        return object;
    }
    default:
        return engine::data{false};
    }
}

} // namespace

// The handle that C holds, a talloc chunk whose destructor ends the C++ object.
struct mustache {
    engine::mustache *object;
};
struct mustache_data {
    engine::data *object;
};

static int mustache_free(void *mustache)
{
    delete static_cast<struct mustache *>(mustache)->object;
    return 0;
}

static int mustache_data_free(void *data)
{
    delete static_cast<struct mustache_data *>(data)->object;
    return 0;
}

struct mustache *mustache_parse(TALLOC_CTX *ctx, const char *text, bool html, struct error *err)
{
    auto *mustache = static_cast<struct mustache *>(talloc_zero_size(ctx, sizeof(struct mustache)));
    if (!mustache) {
        error_set(err, "out of memory");
        return nullptr;
    }
    try {
        mustache->object = new engine::mustache{std::string(text)};
        _talloc_set_destructor(mustache, mustache_free);
        if (!mustache->object->is_valid())
            throw std::invalid_argument(mustache->object->error_message());
        if (html)
            mustache->object->set_custom_escape(escape_html);
        else
            mustache->object->set_custom_escape([](const std::string &value) { return value; });
        return mustache;
    } catch (const std::exception &problem) {
        error_set(err, "the template engine says: %s", problem.what());
    } catch (...) {
        error_set(err, "the template engine failed");
    }
    talloc_free(mustache);
    return nullptr;
}

struct mustache_data *mustache_data_new(TALLOC_CTX *ctx, const json_t *json, struct error *err)
{
    auto *data = static_cast<struct mustache_data *>(talloc_zero_size(ctx, sizeof(struct mustache_data)));
    if (!data) {
        error_set(err, "out of memory");
        return nullptr;
    }
    try {
        data->object = new engine::data{convert(json, 0)};
        _talloc_set_destructor(data, mustache_data_free);
        return data;
    } catch (const std::exception &problem) {
        error_set(err, "reading the data for a template: %s", problem.what());
    } catch (...) {
        error_set(err, "reading the data for a template failed");
    }
    talloc_free(data);
    return nullptr;
}

int mustache_data_set(struct mustache_data *data, const char *name, const char *value, struct error *err)
{
    try {
        data->object->set(name, text_data(value, std::char_traits<char>::length(value)));
        return 0;
    } catch (...) {
        return error_set(err, "out of memory");
    }
}

char *mustache_render(struct mustache *mustache, TALLOC_CTX *ctx, const struct mustache_data *data,
                      struct error *err)
{
    try {
        bounded_context context{data->object};
        bounded_output output;
        mustache->object->render(context, output);
        if (!mustache->object->is_valid())
            throw std::runtime_error(mustache->object->error_message());
        char *text = talloc_strndup(ctx, output.text().data(), output.text().size());
        if (!text)
            error_set(err, "out of memory");
        return text;
    } catch (const std::exception &problem) {
        error_set(err, "rendering a template: %s", problem.what());
    } catch (...) {
        error_set(err, "rendering a template failed");
    }
    return nullptr;
}
