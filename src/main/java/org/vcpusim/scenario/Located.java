package org.vcpusim.scenario;

import com.typesafe.config.ConfigList;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigRenderOptions;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueType;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * A value of a scenario file, and where it stands: what every check is made on, so that every error can say what it is about.
 *
 * @param path the key, with the keys and indices around it
 */
record Located(String file, String path, ConfigValue value) {
    private static final int LONGEST_FOUND = 60;

    /** The error that this value is not what it must be. */
    InputException wrong(String must) {
        return wrong(path, found(), must);
    }

    /** The error about a part of this value. */
    InputException wrong(String key, String found, String must) {
        return new InputException(file + ":" + line() + ": " + key + " = " + found + ": must be " + must);
    }

    private int line() {
        return Math.max(1, value.origin().lineNumber());
    }

    /** The value as one short line. */
    private String found() {
        String all = value.valueType() == ConfigValueType.STRING
                ? String.valueOf(value.unwrapped())
                : value.render(ConfigRenderOptions.concise());
        return oneLine(all);
    }

    static String oneLine(String text) {
        String line = text.replaceAll("\\p{Cntrl}+", " ").strip();
        return line.length() <= LONGEST_FOUND ? line : line.substring(0, LONGEST_FOUND - 3) + "...";
    }

    /** The words of a string, or a number as it was written. */
    String text(String must) {
        return switch (value.valueType()) {
            case STRING -> String.valueOf(value.unwrapped()).strip();
            case NUMBER -> value.render(ConfigRenderOptions.concise());
            default -> throw wrong(must);
        };
    }

    /** A whole number in a range, decimal or hexadecimal. */
    long number(long min, long max) {
        String must = Numbers.range(min, max);
        return Numbers.parse(text(must)).filter(n -> n >= min && n <= max).orElseThrow(() -> wrong(must));
    }

    /** A switch: HOCON's on, off, true, false, yes and no. */
    boolean onOrOff() {
        return switch (value.valueType() == ConfigValueType.BOOLEAN ? found() : text("on or off")) {
            case "true", "on", "yes" -> true;
            case "false", "off", "no" -> false;
            default -> throw wrong("on or off");
        };
    }

    /** One of {@code allowed}. */
    String oneOf(List<String> allowed) {
        String must = "one of " + String.join(", ", allowed);
        String word = text(must);
        if (!allowed.contains(word)) {
            throw wrong(must);
        }
        return word;
    }

    /** The elements of a list. */
    List<Located> elements(String must) {
        if (!(value instanceof ConfigList list)) {
            throw wrong(must);
        }
        List<Located> elements = new ArrayList<>();
        for (ConfigValue element : list) {
            elements.add(new Located(file, path + "[" + elements.size() + "]", element));
        }
        return elements;
    }

    /** Whether this is a list. */
    boolean isList() {
        return value instanceof ConfigList;
    }

    /** Whether this is an object. */
    boolean isObject() {
        return value instanceof ConfigObject;
    }

    /** The members of an object whose keys the user chooses, in the order of the file. */
    List<Member> members(String must) {
        if (!(value instanceof ConfigObject object)) {
            throw wrong(must);
        }
        return object.entrySet().stream()
                .map(e -> new Member(e.getKey(), new Located(file, inside(e.getKey()), e.getValue())))
                .sorted(Comparator.comparingInt((Member m) -> m.value.line()).thenComparing(Member::key))
                .toList();
    }

    /** A key and its value. */
    record Member(String key, Located value) {}

    /** Checks that this is an object with no key but these. */
    void onlyKeys(List<String> known) {
        for (Member member : members("an object with the keys " + String.join(", ", known))) {
            if (!known.contains(member.key)) {
                String must = Nearest.to(member.key, known)
                        .map(near -> "a known key; did you mean " + near + "?")
                        .orElse("a known key: " + String.join(", ", known));
                throw member.value.wrong(must);
            }
        }
    }

    /** The value of {@code key} of this object, if it is there. */
    Optional<Located> get(String key) {
        return members("an object").stream()
                .filter(m -> m.key.equals(key))
                .findFirst()
                .map(Member::value);
    }

    /** The value of a key that must be there. */
    Located need(String key, String must) {
        return get(key).orElseThrow(() -> wrong(inside(key), "nothing", must));
    }

    private String inside(String key) {
        return path.isEmpty() ? key : path + "." + key;
    }
}
