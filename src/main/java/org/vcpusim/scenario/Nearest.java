package org.vcpusim.scenario;

import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/** What somebody meant who wrote a word that is not known. */
final class Nearest {
    private static final int SHORT = 3;

    private Nearest() {}

    /** The nearest known word, at most two edits away, or one from a short word. */
    static Optional<String> to(String word, List<String> known) {
        int farthest = word.length() <= SHORT ? 1 : 2;
        return known.stream()
                .filter(candidate -> distance(word, candidate) <= farthest)
                .min(Comparator.comparingInt(candidate -> distance(word, candidate)));
    }

    /** Levenshtein's distance. */
    private static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replaced, Math.min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.length()];
    }
}
