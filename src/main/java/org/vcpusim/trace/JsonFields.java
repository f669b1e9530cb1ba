package org.vcpusim.trace;

import org.vcpusim.arch.VectorBitmap;

/** The members of one JSON object, written as they come. Keys and names are ASCII without quotes or backslashes. */
final class JsonFields {
    private final AsciiBuffer out;
    private boolean first = true;

    JsonFields(AsciiBuffer out) {
        this.out = out;
    }

    /** Starts a new object behind what is written. */
    JsonFields open() {
        out.character('{');
        first = true;
        return this;
    }

    /** The next member is the first of those that follow, of an object that is open already. */
    JsonFields restart() {
        first = true;
        return this;
    }

    void close() {
        out.character('}');
        first = false;
    }

    JsonFields number(String key, long value) {
        key(key).decimal(value);
        return this;
    }

    JsonFields flag(String key, boolean value) {
        key(key).character(value ? '1' : '0');
        return this;
    }

    JsonFields name(String key, Enum<?> value) {
        return string(key, value.name());
    }

    JsonFields string(String key, String value) {
        key(key).character('"').text(value).character('"');
        return this;
    }

    /** A 64-bit value as a string: many readers of JSON keep only 53 bits of a number. */
    JsonFields word(String key, long value) {
        key(key);
        hexString(value);
        return this;
    }

    /** An array of 64-bit values, each as {@link #word} has it. */
    JsonFields words(String key, long... values) {
        key(key).character('[');
        for (int i = 0; i < values.length; i++) {
            if (i > 0) {
                out.character(',');
            }
            hexString(values[i]);
        }
        out.character(']');
        return this;
    }

    /** Four words, vectors 0 to 63 first. */
    JsonFields bitmap(String key, VectorBitmap value) {
        key(key).character('[');
        hexString(value.word0());
        out.character(',');
        hexString(value.word1());
        out.character(',');
        hexString(value.word2());
        out.character(',');
        hexString(value.word3());
        out.character(']');
        return this;
    }

    /** The key of a member whose value follows. */
    AsciiBuffer key(String key) {
        if (first) {
            first = false;
        } else {
            out.character(',');
        }
        return out.character('"').text(key).text("\":");
    }

    private void hexString(long value) {
        out.text("\"0x").hex(value).character('"');
    }
}
