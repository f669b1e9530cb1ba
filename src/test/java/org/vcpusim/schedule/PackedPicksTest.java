package org.vcpusim.schedule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Base64;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Schedules as text: that they come back, how long they are, and what is said of text that is none. */
class PackedPicksTest {
    private static final int MILLION = 1_000_000;

    private static Schedule random(int count, int actors, int longestRun) {
        SeededRandom random = new SeededRandom(count + 31L * actors);
        int[] picks = new int[count];
        int length;
        for (int i = 0; i < count; i += length) {
            int actor = random.nextInt(actors);
            length = Math.min(count - i, 1 + random.nextInt(longestRun));
            Arrays.fill(picks, i, i + length, actor);
        }
        return Schedule.of(picks);
    }

    private static String refusal(String text) {
        return String.valueOf(assertThrows(IllegalArgumentException.class, () -> PackedPicks.decode(text))
                .getMessage());
    }

    @ParameterizedTest
    @CsvSource({
        "0, 1, 1",
        "1, 1, 1",
        "1, 2, 1",
        "33, 12, 1",
        "127, 3, 1",
        "128, 128, 1",
        "5000, 129, 9",
        "1000000, 1, 1",
        "1000000, 2, 1",
        "1000000, 200, 1",
        "1000000, 8200, 1",
        "1000000, 200, 40",
        "1000000, 200, 100000",
    })
    void aScheduleComesBackFromItsText(int count, int actors, int longestRun) {
        Schedule schedule = random(count, actors, longestRun);
        assertEquals(schedule, PackedPicks.decode(PackedPicks.encode(schedule)));
    }

    @Test
    void theLargestActorComesBack() {
        Schedule schedule = Schedule.of(Integer.MAX_VALUE - 1, 0, 5);
        assertEquals(schedule, PackedPicks.decode(PackedPicks.encode(schedule)));
    }

    /** Written out: format 1, three picks of six actors, 101 000 011 and zeros, check. */
    @Test
    void theTextIsWhatTheFormatSays() {
        String text = PackedPicks.encode(Schedule.of(5, 0, 3));
        byte[] bytes = Base64.getUrlDecoder().decode(text);
        assertEquals("[1, 3, 6, -95, -128]", Arrays.toString(Arrays.copyOf(bytes, 5)));
        assertEquals(7, bytes.length);
        assertEquals("AQMGoYC33g", text);
    }

    /** Format 2, 24 picks of two actors: 1 and 0000 10000 for sixteen, 0 and 000 1000 for eight. */
    @Test
    void theTextOfRunsIsWhatTheFormatSays() {
        int[] picks = new int[24];
        Arrays.fill(picks, 0, 16, 1);
        String text = PackedPicks.encode(Schedule.of(picks));
        byte[] bytes = Base64.getUrlDecoder().decode(text);
        assertEquals("[2, 24, 2, -124, 2, 0]", Arrays.toString(Arrays.copyOf(bytes, 6)));
        assertEquals("AhgChAIA0pk", text);
    }

    /** Six bits a character; 33 picks of twelve actors take four bits each, and five bytes are around them. */
    @Test
    void aShortScheduleIsAShortText() {
        assertEquals(
                (33 * 4 / 8 + 1 + 5) * 8 / 6 + 1,
                PackedPicks.encode(random(33, 12, 1)).length());
    }

    @Test
    void longRunsTakeTheRoomOfTheirNumberOnly() {
        assertTrue(PackedPicks.encode(random(MILLION, 200, 100_000)).length() < 200);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            # text             | what is said of it
            ''                 | 0 characters: must be longer, the end is missing
            A                  | 1 characters: the end is missing
            AQ                 | 2 characters: must be longer, the end is missing
            AQM GoYA           | character 4 is ' ': must be a letter, a digit, - or _
            AQMG+YA            | character 5 is '+': must be a letter, a digit, - or _
            CQMGoYAAAA         | format = 9: must be 1 or 2, or the schedule is of a later version
            """)
    void textThatIsNoScheduleIsRefused(String text, String message) {
        assertEquals(message, refusal(text));
    }

    /** Every character of it, replaced by its neighbour in the alphabet, and every end cut off. */
    @ParameterizedTest
    @ValueSource(ints = {1, 9})
    void aWrongCharacterIsNoticed(int longestRun) {
        Schedule schedule = random(60, 9, longestRun);
        String text = PackedPicks.encode(schedule);
        for (int i = 0; i < text.length(); i++) {
            char wrong = text.charAt(i) == 'A' ? 'B' : 'A';
            String changed = text.substring(0, i) + wrong + text.substring(i + 1);
            if (i < text.length() - 1) {
                String message = refusal(changed);
                assertTrue(message.contains("must be"), message);
            }
            String cut = text.substring(0, i);
            assertThrows(IllegalArgumentException.class, () -> PackedPicks.decode(cut), text + " cut to " + i);
        }
    }

    /** What a check cannot notice, because it is right: bytes that no schedule gives. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            # bytes without their check      | what is said of them
            1 3 6                            | 0 bits left: must be 9
            1 3 6 161                        | 8 bits left: must be 9
            1 3 6 161 129                    | 7 bits behind the last pick: must be fewer than 8 zeros
            1 3 6 161 128 0                  | 15 bits behind the last pick: must be fewer than 8 zeros
            1 3 6 255 128                    | actor = 7 at pick 0: must be 0 to 5
            1 3 0                            | 3 picks of no actors: must have an actor
            1 255 255 255 255 255 1 1        | number of picks too large: must be at most 67108864
            1 129 128 128 32 1               | number of picks too large: must be at most 67108864
            1 128                            | 0 bits left: must be 8
            2 3 2 16                         | a run of 4 at pick 0: must be at most 3
            2 3 1 0 0 0 0                    | a run of 2^31 or more: must be at most 67108864
            """)
    void bytesThatNoScheduleGivesAreRefused(String numbers, String message) {
        String[] fields = numbers.split(" ", -1);
        byte[] bytes = new byte[fields.length + 2];
        for (int i = 0; i < fields.length; i++) {
            bytes[i] = (byte) Integer.parseInt(fields[i]);
        }
        CRC32 crc = new CRC32();
        crc.update(bytes, 0, fields.length);
        bytes[fields.length] = (byte) (crc.getValue() >>> 24);
        bytes[fields.length + 1] = (byte) (crc.getValue() >>> 16);
        assertEquals(message, refusal(Base64.getUrlEncoder().withoutPadding().encodeToString(bytes)));
    }
}
