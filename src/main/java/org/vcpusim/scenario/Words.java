package org.vcpusim.scenario;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The words of one instruction or redirection entry, read from left to right; options may come in any order. */
final class Words {
    private final Located where;
    private final String text;
    private final List<String> left;

    private Words(Located where, String text) {
        this.where = where;
        this.text = text;
        this.left = new ArrayList<>(List.of(text.split("\\s+")));
    }

    /** The words of {@code value}, which must be {@code what}. */
    static Words of(Located value, String what) {
        return new Words(value, value.text(what));
    }

    /** The error that {@code key} is {@code found}. */
    InputException wrong(String key, String found, String must) {
        return where.wrong(key, Located.oneLine(found), must + ", in \"" + Located.oneLine(text) + "\"");
    }

    /** The next word, for operand {@code key}. */
    String next(String key, String must) {
        if (left.isEmpty()) {
            throw wrong(key, "nothing", must);
        }
        return left.remove(0);
    }

    /** The next word as a number in a range. */
    long number(String key, long min, long max) {
        String must = Numbers.range(min, max);
        return checked(key, next(key, must), min, max);
    }

    private long checked(String key, String word, long min, long max) {
        return Numbers.parse(word)
                .filter(n -> n >= min && n <= max)
                .orElseThrow(() -> wrong(key, word, Numbers.range(min, max)));
    }

    /** The next word as an index in a range. */
    int index(String key, int max) {
        return (int) number(key, 0, max);
    }

    /** The next word as a time. */
    long nanos(String key) {
        String must = "a time of at most an hour, such as 500ns, 10us, 2ms or 1s";
        String word = next(key, must);
        return Numbers.parseNanos(word).orElseThrow(() -> wrong(key, word, must));
    }

    /** The next word must be {@code word}. */
    void expect(String word) {
        String found = left.isEmpty() ? "nothing" : left.get(0);
        if (!found.equals(word)) {
            throw wrong("word", found, "\"" + word + "\"");
        }
        left.remove(0);
    }

    /** Takes {@code option} out, wherever it stands; whether it was there. */
    boolean take(String option) {
        return left.remove(option);
    }

    /** Takes one of {@code options} out; at most one may be there. */
    Optional<String> takeOne(List<String> options) {
        List<String> there = left.stream().filter(options::contains).toList();
        if (there.size() > 1) {
            throw wrong("word", there.get(1), "absent after \"" + there.get(0) + "\"");
        }
        left.removeAll(there);
        return there.stream().findFirst();
    }

    /** Takes out {@code option} and the number after it. */
    Optional<Integer> takeNumber(String option, int max) {
        return takeWord(option, Numbers.range(0, max)).map(word -> (int) checked(option, word, 0, max));
    }

    /** Takes out {@code option} and the word after it. */
    Optional<String> takeWord(String option, String must) {
        int at = left.indexOf(option);
        if (at < 0) {
            return Optional.empty();
        }
        left.remove(at);
        if (at == left.size()) {
            throw wrong(option, "nothing", must);
        }
        return Optional.of(left.remove(at));
    }

    /** Refuses {@code word} as the value of {@code key} unless it is a number in a range. */
    long numberOf(String key, String word, long max, String otherWords) {
        return Numbers.parse(word)
                .filter(n -> n >= 0 && n <= max)
                .orElseThrow(() -> wrong(key, word, Numbers.range(0, max) + otherWords));
    }

    /** Everything has been read; {@code allowed} is what there could have been. */
    void end(String allowed) {
        if (!left.isEmpty()) {
            throw wrong("word", left.get(0), allowed);
        }
    }
}
