package org.vcpusim.junit;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * A test that runs many schedules of a scenario, every invariant watching.
 *
 * <p>A method without parameters passes if no rule was broken but by known hazards. One with a parameter of type
 * {@link Expect} says itself what it expects. Where every schedule was cut short by the scenario's bound on steps, both fail:
 * nothing was seen to its end. A failure names the rule, tells the shortened story, and ends with the command that replays it.
 * With the system property {@code vcpusim.seed} another root seed is used. An annotation of one's own that has this one on it
 * works as well.
 *
 * <pre>{@code
 * @VcpuSimTest(scenario = "src/test/resources/affinity.conf", schedules = 2_000)
 * void movingThePinLosesNothing() {}
 *
 * @VcpuSimTest(scenario = "src/test/resources/affinity.conf", kernel = "4.14")
 * void beforeTheFixItDid(Expect expect) {
 *     expect.violationOf("I7");
 * }
 * }</pre>
 */
@Documented
@Target({ElementType.METHOD, ElementType.ANNOTATION_TYPE})
@Retention(RetentionPolicy.RUNTIME)
@Test
@ExtendWith(VcpuSimExtension.class)
public @interface VcpuSimTest {
    /**
     * A scenario file, a relative path beginning at the working directory; or else a resource on the class path, such as
     * {@code vms/affinity.conf}; or else the name of a bundled scenario, such as {@code first}.
     */
    String scenario();

    /** How many schedules, 1 or more. */
    long schedules() default 1_000;

    /** How orders are chosen: {@code random}, {@code pct}, {@code pos}, ... */
    String strategy() default "portfolio";

    /** Root seed: with its index it decides a schedule. */
    long seed() default 1;

    /** A release of Linux, such as {@code 4.14}: without the fixes that came after it. Empty for what the scenario says. */
    String kernel() default "";

    /** Fixes left out, such as {@code B02}; of one that ended several faults also one of them by its name. */
    String[] without() default {};

    /** Fixes kept whatever the kernel and the scenario say, such as {@code B03}, and hazards cured, such as {@code O8}. */
    String[] with() default {};

    /** Most time in seconds to shorten the schedule of a failure, 0 or more; the result of the test does not depend on it. */
    int shrinkSeconds() default 20;

    /** Threads; the result does not depend on them. */
    int jobs() default 1;
}
