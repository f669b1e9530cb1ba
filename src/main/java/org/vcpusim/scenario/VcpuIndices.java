package org.vcpusim.scenario;

import java.util.BitSet;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads which vCPUs a group is made of: {@code 0}, {@code 1..63}, {@code 64..last}, {@code all}, or several of these. */
final class VcpuIndices {
    /** The group of the vCPUs that no other group names. */
    static final String OTHERS = "others";

    private static final Pattern RANGE = Pattern.compile("([0-9]{1,6})(?:\\.\\.([0-9]{1,6}|last))?");

    private VcpuIndices() {}

    /** Whether {@code value} is the word for all that are left. */
    static boolean isOthers(Located value) {
        return !value.isList() && value.text(must(1)).equals(OTHERS);
    }

    /** The indices below {@code vcpus}. */
    static BitSet read(Located value, int vcpus) {
        BitSet indices = new BitSet(vcpus);
        List<Located> parts = value.isList() ? value.elements(must(vcpus)) : List.of(value);
        for (Located part : parts) {
            for (String word : part.text(must(vcpus)).split("[\\s,]+", -1)) {
                indices.or(range(part, word, vcpus));
            }
        }
        if (indices.isEmpty()) {
            throw value.wrong(must(vcpus));
        }
        return indices;
    }

    private static BitSet range(Located part, String word, int vcpus) {
        BitSet indices = new BitSet(vcpus);
        if (word.equals("all")) {
            indices.set(0, vcpus);
            return indices;
        }
        Matcher range = RANGE.matcher(word);
        if (!range.matches()) {
            throw part.wrong(must(vcpus));
        }
        int from = Integer.parseInt(range.group(1));
        String end = range.group(2);
        int to = end == null ? from : end.equals("last") ? vcpus - 1 : Integer.parseInt(end);
        if (to >= vcpus || from > to) {
            throw part.wrong(must(vcpus));
        }
        indices.set(from, to + 1);
        return indices;
    }

    private static String must(int vcpus) {
        String range = vcpus == 1 ? "0" : "0 to " + (vcpus - 1);
        return "vCPUs of " + range + ", such as 0, 1..3, 4..last, \"0, 2..4\", all or others";
    }
}
