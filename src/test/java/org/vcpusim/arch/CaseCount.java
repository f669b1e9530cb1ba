package org.vcpusim.arch;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** Counts the cases of a family that a test runs whole, and says so in the test's output. */
final class CaseCount {
    private final String family;
    private int cases;

    CaseCount(String family) {
        this.family = family;
    }

    void add() {
        cases++;
    }

    int cases() {
        return cases;
    }

    /** Prints the count, which must be the one that the family's definition gives. */
    void assertTotal(int expected) {
        System.out.printf("%s: %,d cases%n", family, cases);
        assertEquals(expected, cases, family);
    }
}
