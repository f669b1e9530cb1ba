package org.vcpusim.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Lines that repeat themselves are told once. */
class RepeatsTest {
    @ParameterizedTest(name = "{2}")
    @CsvSource(delimiter = '|', textBlock = """
            a b c           | a b c                                   | nothing repeats
            a a             | a a                                     | saying so would be as long
            a a a           | a <... the same 2 times more>           | a line
            a b a b         | a b <... these 2 lines again>           | a block
            x a b a b a b y | x a b <... these 2 lines 2 times more> y | in the middle
            a b a b a       | a b <... these 2 lines again> a         | and a part of it
            """)
    void aBlockThatFollowsItselfIsToldOnce(String lines, String folded, String reason) {
        List<Story.Line> wanted = lines(folded.replaceAll("<(.*)>", "<$1>"));
        assertEquals(wanted, Repeats.folded(lines(lines)), reason);
    }

    private static List<Story.Line> lines(String text) {
        return Stream.of(text.split("\\s+(?![^<]*>)"))
                .map(word -> new Story.Line(word.replace("<", "").replace(">", ""), false))
                .toList();
    }
}
